"""The whole control plane at work, with agents that are real gRPC clients."""

import time

import pytest

from controlplane.controllers import node_lifecycle
from tests.support.member_agent import running
from tests.unit.controlplane.running import cluster
from tests.unit.controlplane.support import deployment


def web_service(name="web", **spec):
    return {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}], **spec},
    }


def ready_nodes(count):
    def accept(nodes):
        ready = [
            n
            for n in nodes
            for c in n.get("status", {}).get("conditions", [])
            if c["type"] == "Ready" and c["status"] == "True"
        ]
        return len(ready) == count and not any(n["spec"].get("taints") for n in nodes)

    return accept


async def test_a_deployment_becomes_endpoints_on_every_stream():
    async with cluster() as made:
        agents = [await made.agent(number) for number in (1, 2, 3)]
        await made.eventually("nodes", ready_nodes(3))
        await made.create("services", web_service())
        await made.create("deployments.apps", deployment(replicas=6))
        for agent in agents:
            await agent.wait_for(
                lambda agent=agent: (
                    sum(
                        sum(e.ready for e in s.endpoints)
                        for s in agent.of("EndpointSlice")
                        if s.service_name == "web"
                    )
                    == 6
                )
            )
        pods = await made.items("pods", "default")
        nodes = [p["spec"]["nodeName"] for p in pods]
        assert {nodes.count(agent.name) for agent in agents} == {2}
        await made.eventually(
            "deployments.apps",
            lambda found: (
                found[0]["status"].get("availableReplicas") == 6
                and {c["type"]: c["status"] for c in found[0]["status"]["conditions"]}
                == {"Available": "True", "Progressing": "True"}
            ),
        )


def web_endpoints(agent):
    slices = [s for s in agent.of("EndpointSlice") if s.service_name == "web"]
    return [endpoint for s in slices for endpoint in s.endpoints]


def ready_count(agent):
    return sum(endpoint.ready for endpoint in web_endpoints(agent))


async def web(made, replicas=2, agents=2):
    """Agents with a Deployment `web` behind a Service, all ready."""
    joined = [await made.agent(number) for number in range(1, agents + 1)]
    await made.eventually("nodes", ready_nodes(agents))
    await made.create("services", web_service())
    await made.create("deployments.apps", deployment(replicas=replicas))
    for agent in joined:
        await agent.wait_for(lambda agent=agent: ready_count(agent) == replicas)
    return joined


async def test_a_lost_readiness_leaves_the_stream_at_once():
    async with cluster() as made:
        one, two = await web(made)
        pod = next(p for p in await made.items("pods") if p["spec"]["nodeName"] == one.name)
        began_s = time.monotonic()
        await one.report(pod, running(pod["status"]["podIP"], ready=False))
        await two.wait_for(lambda: ready_count(two) == 1)
        assert time.monotonic() - began_s < 1.0
        endpoints = await made.get("endpoints", "web")
        assert [a["ip"] for a in endpoints["subsets"][0]["notReadyAddresses"]] == [
            pod["status"]["podIP"]
        ]


async def test_a_terminating_pod_is_not_ready_and_then_gone():
    async with cluster() as made:
        one, two = await web(made)
        one.runs_pods = two.runs_pods = False
        pod = (await made.items("pods"))[0]
        await made.client.delete("pods", pod["metadata"]["name"], "default")
        await two.wait_for(
            lambda: any(e.terminating and e.serving and not e.ready for e in web_endpoints(two))
        )
        agent = next(a for a in (one, two) if a.name == pod["spec"]["nodeName"])
        await agent.report(pod, None, removed=True)
        await made.gone("pods", pod["metadata"]["name"])
        await two.wait_for(lambda: not any(e.terminating for e in web_endpoints(two)))


async def test_rolling_update_and_rollback():
    async with cluster() as made:
        await web(made, replicas=4)

        def image(name):
            def change(current):
                current["spec"]["template"]["spec"]["containers"][0]["image"] = name

            return change

        def done(revision):
            def accept(found):
                status = found[0]["status"]
                return (
                    found[0]["metadata"]["annotations"]["deployment.kubernetes.io/revision"]
                    == revision
                    and status.get("updatedReplicas") == status.get("replicas") == 4
                    and status.get("availableReplicas") == 4
                )

            return accept

        await made.client.patch("deployments.apps", "web", image("nginx:2"), "default")
        await made.eventually("deployments.apps", done("2"))
        sets = await made.items("replicasets.apps")
        assert sorted(rs["spec"]["replicas"] for rs in sets) == [0, 4]
        await made.client.patch("deployments.apps", "web", image("nginx"), "default")
        await made.eventually("deployments.apps", done("3"))
        sets = await made.items("replicasets.apps")
        assert len(sets) == 2
        back = next(rs for rs in sets if rs["spec"]["replicas"])
        assert back["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"] == "1"


async def test_scale_and_pause():
    async with cluster() as made:
        (agent,) = await web(made, replicas=1, agents=1)

        def change(current):
            current["spec"]["replicas"] = 3
            current["spec"]["paused"] = True

        await made.client.patch("deployments.apps", "web", change, "default")
        await agent.wait_for(lambda: ready_count(agent) == 3)

        def rename(current):
            current["spec"]["template"]["spec"]["containers"][0]["image"] = "other"

        await made.client.patch("deployments.apps", "web", rename, "default")
        await made.eventually(
            "deployments.apps",
            lambda found: (
                found[0]["status"]["observedGeneration"] == found[0]["metadata"]["generation"]
            ),
        )
        assert len(await made.items("replicasets.apps")) == 1
        await made.client.patch(
            "deployments.apps", "web", lambda d: d["spec"].update(replicas=0), "default"
        )
        await agent.wait_for(lambda: ready_count(agent) == 0)


async def test_recreate_waits_for_the_old_pods():
    async with cluster() as made:
        (agent,) = await web(made, replicas=2, agents=1)

        def recreate(current):
            current["spec"]["strategy"] = {"type": "Recreate"}
            current["spec"]["template"]["spec"]["containers"][0]["image"] = "other"

        agent.runs_pods = False
        await made.client.patch("deployments.apps", "web", recreate, "default")
        await made.eventually(
            "pods", lambda pods: all(p["metadata"].get("deletionTimestamp") for p in pods)
        )
        old = await made.items("pods")
        assert len(old) == 2
        agent.runs_pods = True
        for pod in old:
            await agent.report(pod, None, removed=True)
        await agent.wait_for(lambda: ready_count(agent) == 2)


async def test_a_silent_node_loses_its_endpoints_and_gets_them_back():
    async with cluster(grace_s=0.6) as made:
        one, two = await web(made)
        one.task.cancel()
        await two.wait_for(lambda: ready_count(two) == 1)
        node = await made.get("nodes", one.name, None)
        ready = next(c for c in node["status"]["conditions"] if c["type"] == "Ready")
        assert (ready["status"], ready["reason"]) == ("Unknown", "NodeStatusUnknown")
        await made.eventually(
            "nodes",
            lambda nodes: (
                {"node.kubernetes.io/unreachable"}
                == {t["key"] for n in nodes for t in n["spec"].get("taints", [])}
            ),
        )
        one.task = made.tasks.create_task(one.run(0.2))
        await two.wait_for(lambda: ready_count(two) == 2)
        await made.eventually("nodes", ready_nodes(2))


async def test_a_nodes_lease_tells_what_it_works_by(monkeypatch):
    monkeypatch.setattr(node_lifecycle, "_LEASE_RENEWAL_S", 0.0)
    async with cluster() as made:
        one, _ = await web(made)
        wanted = int((await made.get("nodes", one.name, None))["metadata"]["resourceVersion"])

        def tells(leases):
            (lease,) = [each for each in leases if each["metadata"]["name"] == one.name]
            said = lease["metadata"]["annotations"]["kubehop.dev/applied-revision"]
            return int(said) >= wanted

        one.ready = False  # news, so that the node is looked at
        await made.eventually("leases.coordination.k8s.io", tells)


async def test_pods_of_a_lost_node_are_recreated_elsewhere():
    async with cluster(grace_s=0.6, default_toleration_s=1) as made:
        one, two = await web(made)
        one.task.cancel()
        await two.wait_for(
            lambda: (
                ready_count(two) == 2
                and {e.node_name for e in web_endpoints(two) if e.ready} == {two.name}
            )
        )


async def test_an_unschedulable_pod_says_why_and_is_placed_later():
    async with cluster() as made:
        await made.create("deployments.apps", deployment())

        def refused(pods):
            conditions = pods[0].get("status", {}).get("conditions", []) if pods else []
            return any(
                c["reason"] == "Unschedulable"
                and c["message"] == "no nodes available to schedule pods"
                for c in conditions
            )

        await made.eventually("pods", refused)
        await made.eventually(
            "events", lambda events: "FailedScheduling" in {e["reason"] for e in events}
        )
        agent = await made.agent()
        pods = await made.eventually("pods", lambda p: p[0].get("status", {}).get("podIP"))
        assert pods[0]["spec"]["nodeName"] == agent.name
        await made.eventually("events", lambda events: "Scheduled" in {e["reason"] for e in events})


async def test_a_deleted_namespace_is_really_emptied():
    async with cluster() as made:
        await made.agent()
        await made.create("namespaces", {"metadata": {"name": "shop"}})
        await made.create("services", web_service() | {"metadata": {
            "name": "web", "namespace": "shop"}})  # fmt: skip
        await made.create("deployments.apps", deployment(namespace="shop", replicas=2))
        await made.eventually(
            "deployments.apps", lambda d: d[0]["status"].get("availableReplicas") == 2
        )
        await made.client.delete("namespaces", "shop")
        await made.gone("namespaces", "shop", None)
        for resource in ("pods", "services", "configmaps", "endpointslices.discovery.k8s.io"):
            assert await made.items(resource, "shop") == []


async def test_a_new_namespace_is_furnished_and_stays_so():
    async with cluster() as made:
        await made.create("namespaces", {"metadata": {"name": "shop"}})
        await made.eventually("serviceaccounts", lambda found: bool(found), "shop")
        root = await made.eventually("configmaps", lambda found: bool(found), "shop")
        assert root[0]["data"] == {"ca.crt": "CA"}
        await made.client.delete("configmaps", "kube-root-ca.crt", "shop")
        await made.eventually(
            "configmaps",
            lambda found: found and found[0]["metadata"]["uid"] != root[0]["metadata"]["uid"],
            "shop",
        )


@pytest.mark.parametrize("policy", ["Background", "Foreground"])
async def test_a_deleted_deployment_takes_everything_with_it(policy):
    async with cluster() as made:
        await web(made)
        await made.client.delete("deployments.apps", "web", "default", propagation_policy=policy)
        await made.gone("deployments.apps", "web")
        await made.eventually("replicasets.apps", lambda found: not found)
        await made.eventually("pods", lambda found: not found)


async def test_orphans_stay():
    async with cluster() as made:
        await web(made)
        await made.client.delete("deployments.apps", "web", "default", propagation_policy="Orphan")
        await made.gone("deployments.apps", "web")
        sets = await made.items("replicasets.apps")
        assert len(sets) == 1
        assert not sets[0]["metadata"].get("ownerReferences")
        assert len(await made.items("pods")) == 2


async def test_a_deleted_service_takes_its_slices_and_endpoints():
    async with cluster() as made:
        (agent,) = await web(made, agents=1)
        await made.client.delete("services", "web", "default")
        await agent.wait_for(lambda: not web_endpoints(agent))
        await made.gone("endpoints", "web")
        assert ("Service", ("default", "web")) not in agent.objects


async def test_hand_made_endpoints_are_mirrored():
    async with cluster() as made:
        agent = await made.agent()
        spec = {"ports": [{"port": 80}]}
        await made.create(
            "services", {"metadata": {"name": "db", "namespace": "default"}, "spec": spec}
        )
        subsets = [{"addresses": [{"ip": "172.18.0.99"}], "ports": [{"port": 5432, "name": "pg"}]}]
        await made.create(
            "endpoints", {"metadata": {"name": "db", "namespace": "default"}, "subsets": subsets}
        )

        def mirrored():
            found = [s for s in agent.of("EndpointSlice") if s.service_name == "db"]
            return (
                found
                and found[0].ports[0].port == 5432
                and str(found[0].endpoints[0].addresses[0]) == "172.18.0.99"
            )

        await agent.wait_for(mirrored)
        await made.client.delete("endpoints", "db", "default")
        await agent.wait_for(lambda: not mirrored())


async def test_nobody_can_spoil_a_slice():
    async with cluster() as made:
        (agent,) = await web(made, agents=1)
        slices = await made.items(
            "endpointslices.discovery.k8s.io", "default", "kubernetes.io/service-name=web"
        )
        name = slices[0]["metadata"]["name"]
        resource = "endpointslices.discovery.k8s.io"
        await made.client.patch(resource, name, lambda s: s.update(endpoints=[]), "default")
        await made.eventually(
            resource,
            lambda found: any(
                s["metadata"]["name"] == name and len(s["endpoints"]) == 2 for s in found
            ),
        )
        await made.client.delete(resource, name, "default")
        await agent.wait_for(lambda: ready_count(agent) == 2 and not agent.objects.get(
            ("EndpointSlice", ("default", name))))  # fmt: skip
