"""The ControlPlane service over a real gRPC connection on loopback."""

import asyncio
import json
from ipaddress import ip_network

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from controlplane.rpc.listen import parse_listen
from controlplane.rpc.server import encode_batch, serve_rpc
from controlplane.store.memory import MemoryStore
from netcore.model.change import Batch, Change, Manifest
from netcore.model.errors import KubehopError
from protos.gen.v1 import controlplane_pb2 as pb
from tests.support.member_agent import TOPICS, MemberAgent, running
from tests.unit.controlplane.families import DUAL_POD_CIDRS, DUAL_SERVICE_CIDRS
from tests.unit.controlplane.running import cluster
from tests.unit.controlplane.support import deployment


async def refused(call, code):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    assert caught.value.code() is code
    return caught.value.details()


async def test_names_and_cidrs_are_stable_by_instance():
    async with cluster(cluster_name="c") as made:
        first = await made.agent(1, run=False)
        second = await made.agent(2, run=False)
        assert (first.name, second.name) == ("c-worker", "c-worker2")
        again = await made.agent(1, run=False)
        assert again.name == first.name
        assert again.membership.node.pod_cidrs == first.membership.node.pod_cidrs
        assert first.membership.node.pod_cidrs != second.membership.node.pod_cidrs
        assert first.membership.heartbeat_interval_ms == 1000
        assert first.membership.config.dns_addresses == ["10.96.0.10"]


async def test_the_node_object_says_who_it_is():
    async with cluster() as made:
        agent = await made.agent(1, name="n1")
        node = await made.get("nodes", "n1", None)
        about = node["metadata"]
        assert about["labels"]["kubernetes.io/hostname"] == "n1"
        assert about["annotations"]["kubehop.dev/agent-address"] == "172.18.0.11:7444"
        assert json.loads(about["annotations"]["flannel.alpha.coreos.com/backend-data"]) == {
            "VNI": 1,
            "VtepMAC": "02:00:00:00:00:01",
        }
        assert node["spec"]["podCIDRs"] == ["10.244.0.0/24"]
        assert {"type": "InternalIP", "address": "172.18.0.11"} in node["status"]["addresses"]
        assert node["status"]["nodeInfo"]["kubeletVersion"].startswith("v1.33")
        leases = await made.eventually("leases.coordination.k8s.io", bool)
        assert leases[0]["metadata"]["name"] == "n1"
        (state,) = [n for n in await _nodes(agent) if n.name == "n1"]
        assert state.vtep_mac == bytes.fromhex("020000000001")


async def _nodes(agent):
    await agent.wait_for(lambda: any(node.ready for node in agent.of("Node")))
    return agent.of("Node")


async def test_a_taken_name_and_a_taken_address_are_refused():
    async with cluster() as made:
        await made.agent(1, name="n1")
        other = MemberAgent(made.target, 2, name="n1")
        made.agents.append(other)
        message = await refused(other.join(), grpc.StatusCode.ALREADY_EXISTS)
        assert "node name n1 is taken by another live node (instance machine-1)" in message
        other.request.name = "n2"
        other.request.underlay_addresses[:] = ["172.18.0.11"]
        message = await refused(other.join(), grpc.StatusCode.INVALID_ARGUMENT)
        assert "underlay_addresses: 172.18.0.11 is in use by node n1" in message


async def test_the_name_of_a_dead_node_can_be_taken_over():
    async with cluster(grace_s=0.05) as made:
        first = await made.agent(1, name="n1", run=False)
        await asyncio.sleep(0.1)
        second = await made.agent(2, name="n1", run=False)
        assert second.membership.node.pod_cidrs == first.membership.node.pod_cidrs
        message = await refused(first.beat(), grpc.StatusCode.NOT_FOUND)
        assert "register again" in message


async def test_an_exhausted_pod_cidr_names_the_remedy():
    async with cluster(pod_cidrs=(ip_network("10.244.0.0/23"),)) as made:
        await made.agent(1, run=False)
        await made.agent(2, run=False)
        third = MemberAgent(made.target, 3)
        made.agents.append(third)
        message = await refused(third.join(), grpc.StatusCode.RESOURCE_EXHAUSTED)
        assert "10.244.0.0/23" in message
        assert "kubectl delete node" in message
        assert len(await made.items("nodes")) == 2
        await made.client.delete("nodes", "kubehop-worker")
        await third.join()
        assert third.membership.node.pod_cidrs == ["10.244.0.0/24"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"underlay_addresses": ["nonsense"]}, "underlay_addresses: 'nonsense' is not an IP"),
        ({"underlay_addresses": []}, "underlay_addresses: at least one"),
        ({"underlay_addresses": ["127.0.0.1"]}, "cannot be reached by other nodes"),
        ({"name": "Upper_Case"}, "name: 'Upper_Case' is not a DNS-1123 name"),
        ({"instance_id": ""}, "instance_id"),
        ({"rpc_port": 0}, "rpc_port: 0 is not a port"),
        ({"vtep_mac": "xx"}, "vtep_mac: 'xx' is not a MAC address"),
        ({"labels": {"a b": "c"}}, "labels"),
        ({"taints": ["nonsense"]}, "taints: 'nonsense' is none"),
        ({"role": pb.ROLE_UNSPECIFIED}, "role"),
    ],
)
async def test_bad_registrations_name_the_field(change, message):
    async with cluster() as made:
        agent = MemberAgent(made.target)
        made.agents.append(agent)
        for field in change:
            agent.request.ClearField(field)
        agent.request.MergeFrom(pb.RegisterRequest(**change))
        assert message in await refused(agent.join(), grpc.StatusCode.INVALID_ARGUMENT)
        assert await made.items("nodes") == []


async def test_a_deleted_node_has_to_register_again():
    async with cluster() as made:
        agent = await made.agent(1, run=False)
        await agent.beat()
        await made.client.delete("nodes", agent.name)
        await refused(agent.beat(), grpc.StatusCode.NOT_FOUND)
        await agent.join()
        await agent.beat()


async def test_registered_taints_and_labels():
    async with cluster() as made:
        agent = MemberAgent(made.target)
        made.agents.append(agent)
        agent.request.taints[:] = ["dedicated=lab:NoSchedule"]
        agent.request.labels["zone"] = "a"
        await agent.join()
        node = await made.get("nodes", agent.name, None)
        assert {"key": "dedicated", "value": "lab", "effect": "NoSchedule"} in node["spec"][
            "taints"
        ]
        assert node["metadata"]["labels"]["zone"] == "a"


async def test_a_watch_resumes_with_only_what_was_missed():
    async with cluster() as made:
        agent = await made.agent()
        await agent.wait_for(lambda: agent.batches)
        agent.task.cancel()
        await asyncio.wait([agent.task])
        snapshot = agent.batches[0]
        assert snapshot.reset
        assert snapshot.synced
        last = agent.batches[-1].revision
        await made.create("namespaces", {"metadata": {"name": "late"}})
        agent.batches.clear()
        resumed = made.tasks.create_task(agent.follow(snapshot.epoch, last))
        await agent.wait_for(lambda: agent.batches and agent.batches[-1].synced)
        assert not any(batch.reset for batch in agent.batches)
        assert ("Namespace", "late") in agent.objects
        services = [
            c for b in agent.batches for c in b.changes if type(c.object).__name__ == "Service"
        ]
        assert services == []
        resumed.cancel()


@pytest.mark.parametrize(("epoch", "since"), [("another", 1), ("", 10**9)])
async def test_an_unknown_place_is_answered_with_a_snapshot(epoch, since):
    async with cluster() as made:
        agent = await made.agent(1, run=False)
        epoch = epoch or made.client.registry.store.epoch
        task = made.tasks.create_task(agent.follow(epoch, since))
        await agent.wait_for(lambda: agent.batches)
        assert agent.batches[0].reset
        task.cancel()


async def test_a_watcher_that_falls_behind_is_told_to_start_again():
    store = MemoryStore(history_capacity=8)
    async with cluster(store=store) as made:
        agent = await made.agent(1, run=False)
        request = pb.WatchRequest(client_name="slow", topics=TOPICS, node_name=agent.name)
        call = agent.stub.Watch(request)
        assert (await call.read()).reset
        # The memory store never waits, so the stream gets no chance to read in between.
        for number in range(20):
            name = f"c{number}"
            metadata = {"name": name, "namespace": "default", "uid": name}
            await store.create(f"/registry/core/configmaps/default/{name}", {"metadata": metadata})
        with pytest.raises(grpc.aio.AioRpcError, match="watch again") as caught:
            await _read_on(call)
        assert caught.value.code() is grpc.StatusCode.OUT_OF_RANGE


async def _read_on(call):
    while True:
        await call.read()


async def test_manifests_carry_the_configuration_that_pods_name():
    async with cluster() as made:
        agent = await made.agent()
        agent.runs_pods = False
        for name in ("used", "unused"):
            await made.create(
                "configmaps",
                {"metadata": {"name": name, "namespace": "default"}, "data": {"k": "1"}},
            )
        pod = {
            "metadata": {"name": "p", "namespace": "default"},
            "spec": {
                "containers": [
                    {"name": "c", "image": "i", "envFrom": [{"configMapRef": {"name": "used"}}]}
                ]
            },
        }
        await made.create("pods", pod)
        key = ("Manifest", ("ConfigMap", "default", "used"))
        await agent.wait_for(lambda: ("Manifest", ("Pod", "default", "p")) in agent.objects)
        assert json.loads(agent.objects[key].json)["data"] == {"k": "1"}
        assert ("Manifest", ("ConfigMap", "default", "unused")) not in agent.objects
        await made.client.patch("configmaps", "used", lambda c: c["data"].update(k="2"), "default")
        await agent.wait_for(lambda: json.loads(agent.objects[key].json)["data"]["k"] == "2")


async def test_reports_about_other_peoples_pods_are_refused():
    async with cluster() as made:
        one = await made.agent(1)
        two = await made.agent(2)
        one.runs_pods = two.runs_pods = False
        await made.create("deployments.apps", deployment())
        (pod,) = await made.eventually("pods", lambda p: p and p[0]["spec"].get("nodeName"))
        stranger = two if pod["spec"]["nodeName"] == one.name else one
        request = pb.ReportStatusRequest(
            node_name=stranger.name,
            pods=[
                pb.PodStatus(
                    namespace="default",
                    name=pod["metadata"]["name"],
                    uid=pod["metadata"]["uid"],
                    status_json=json.dumps(running("10.244.0.9")).encode(),
                )
            ],
        )
        message = await refused(one.stub.ReportStatus(request), grpc.StatusCode.NOT_FOUND)
        assert f"default/{pod['metadata']['name']}" in message
        assert (await made.items("pods"))[0]["status"].get("podIP") is None


async def test_pods_are_removed_by_their_own_node_once_they_are_deleted():
    async with cluster() as made:
        agent = await made.agent(1)
        agent.runs_pods = False
        await made.create("deployments.apps", deployment())
        (pod,) = await made.eventually("pods", lambda p: p and p[0]["spec"].get("nodeName"))
        name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]

        async def report_removed(node_name: str, uid: str) -> None:
            gone = pb.PodStatus(namespace="default", name=name, uid=uid, removed=True)
            request = pb.ReportStatusRequest(node_name=node_name, pods=[gone])
            await agent.stub.ReportStatus(request)

        await report_removed(agent.name, uid)  # nobody has asked for it
        assert [p["metadata"]["uid"] for p in await made.items("pods")] == [uid]
        await made.client.delete("pods", name, "default")
        for stranger in (("other", uid), (agent.name, ""), (agent.name, "other")):
            await report_removed(*stranger)
            assert uid in [p["metadata"]["uid"] for p in await made.items("pods")]
        await report_removed(agent.name, uid)
        assert uid not in [p["metadata"]["uid"] for p in await made.items("pods")]


@pytest.mark.parametrize(("name", "instance"), [("", "i"), ("kubehop-worker", "")])
async def test_a_heartbeat_says_whose_it_is(name, instance):
    async with cluster() as made:
        agent = await made.agent(1, run=False)
        beat = pb.HeartbeatRequest(name=name, role=pb.ROLE_NODE, instance_id=instance, ready=True)
        message = await refused(agent.stub.Heartbeat(beat), grpc.StatusCode.INVALID_ARGUMENT)
        assert "required" in message


@pytest.mark.parametrize(
    "text", [b"[" * 100_000, b"{", b"[]", b'{"phase":"Odd"}', b'{"podIP":"x"}']
)
async def test_a_malformed_status_is_refused(text):
    async with cluster() as made:
        agent = await made.agent(1, run=False)
        request = pb.ReportStatusRequest(
            node_name=agent.name,
            pods=[pb.PodStatus(namespace="default", name="p", uid="u", status_json=text)],
        )
        message = await refused(agent.stub.ReportStatus(request), grpc.StatusCode.INVALID_ARGUMENT)
        assert "status of pod default/p" in message


async def test_equal_events_are_counted():
    async with cluster() as made:
        agent = await made.agent(1, run=False)
        event = pb.ReportEventRequest(
            node_name=agent.name,
            component="kubelet",
            kind="Pod",
            namespace="default",
            name="p",
            uid="u",
            type="Warning",
            reason="BackOff",
            message="again",
        )
        for _ in range(3):
            await agent.stub.ReportEvent(event)
        events = await made.eventually(
            "events", lambda found: any(e["reason"] == "BackOff" and e["count"] == 3 for e in found)
        )
        (found,) = [e for e in events if e["reason"] == "BackOff"]
        assert found["source"] == {"component": "kubelet", "host": agent.name}
        event.type = "Bad"
        await refused(agent.stub.ReportEvent(event), grpc.StatusCode.INVALID_ARGUMENT)


async def dns(made, name="", instance="dns-1", address="172.18.0.3"):
    agent = await made.agent(9, run=False)
    request = pb.RegisterRequest(
        role=pb.ROLE_DNS, name=name, instance_id=instance, underlay_addresses=[address]
    )
    response = await agent.stub.Register(request)

    async def beat(ready=True):
        await agent.stub.Heartbeat(
            pb.HeartbeatRequest(
                name=response.name, role=pb.ROLE_DNS, instance_id=instance, ready=ready
            )
        )

    return agent, beat


async def test_dns_servers_stand_behind_kube_dns_while_they_live():
    async with cluster(grace_s=0.3) as made:

        def servers(expected):
            def accept(found):
                (endpoints,) = [e for e in found if e["metadata"]["name"] == "kube-dns"]
                ips = [a["ip"] for s in endpoints["subsets"] for a in s["addresses"]]
                return ips == expected

            return accept

        _, beat = await dns(made)
        await beat(ready=False)
        assert servers([])(await made.items("endpoints", "kube-system"))
        await beat()
        await made.eventually("endpoints", servers(["172.18.0.3"]), "kube-system")
        slices = await made.eventually(
            "endpointslices.discovery.k8s.io", lambda found: bool(found), "kube-system"
        )
        assert {p["name"] for p in slices[0]["ports"]} == {"dns", "dns-tcp", "metrics"}
        await made.eventually("endpoints", servers([]), "kube-system")
        await beat()
        await made.eventually("endpoints", servers(["172.18.0.3"]), "kube-system")


async def test_health_and_reflection():
    async with cluster() as made:
        agent = await made.agent(1, run=False)
        check = health_pb2_grpc.HealthStub(agent.channel)
        answer = await check.Check(health_pb2.HealthCheckRequest(service="kubehop.v1.ControlPlane"))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        stub = reflection_pb2_grpc.ServerReflectionStub(agent.channel)
        call = stub.ServerReflectionInfo(
            iter([reflection_pb2.ServerReflectionRequest(list_services="")])
        )
        async for response in call:
            names = {service.name for service in response.list_services_response.service}
            break
        assert "kubehop.v1.ControlPlane" in names
        call.cancel()


async def test_a_foreign_node_is_streamed_and_gets_a_cidr_but_no_pods():
    async with cluster() as made:
        agent = await made.agent()
        await made.create(
            "nodes",
            {
                "metadata": {
                    "name": "foreign",
                    "annotations": {
                        "flannel.alpha.coreos.com/public-ip": "172.18.0.200",
                        "flannel.alpha.coreos.com/backend-data": '{"VtepMAC":"02:aa:00:00:00:01"}',
                    },
                }
            },
        )
        await agent.wait_for(
            lambda: any(n.name == "foreign" and n.pod_cidrs for n in agent.of("Node"))
        )
        (foreign,) = [n for n in agent.of("Node") if n.name == "foreign"]
        assert str(foreign.underlay_addresses[0]) == "172.18.0.200"
        assert foreign.vtep_mac == bytes.fromhex("02aa00000001")
        await made.create("deployments.apps", deployment(replicas=3))
        pods = await made.eventually(
            "pods", lambda p: len(p) == 3 and all(x["spec"].get("nodeName") for x in p)
        )
        assert {p["spec"]["nodeName"] for p in pods} == {agent.name}


async def test_a_taken_address_is_one_clear_error():
    async with cluster() as made:
        with pytest.raises(KubehopError, match="cannot listen on"):
            await serve_rpc(
                made.client,
                made.client.registry.store,
                made.settings,
                made.shared,
                [parse_listen(made.target)],
            )


def test_a_huge_batch_is_cut_so_that_nobody_resumes_in_its_middle():
    changes = tuple(Change(Manifest("ConfigMap", "d", f"c{n}", b"x" * 6_000_000)) for n in range(7))
    messages = list(encode_batch(Batch("e", 5, changes, reset=True, synced=True)))
    assert [len(m.changes) for m in messages] == [2, 2, 2, 1]
    assert [m.reset for m in messages] == [True, False, False, False]
    assert [m.synced for m in messages] == [False, False, False, True]
    assert [m.revision for m in messages] == [0, 0, 0, 5]


async def test_a_node_of_a_dual_stack_cluster():
    families = {"pod_cidrs": DUAL_POD_CIDRS, "service_cidrs": DUAL_SERVICE_CIDRS}
    async with cluster(**families) as made:
        agent = MemberAgent(made.target)
        made.agents.append(agent)
        message = await refused(agent.join(), grpc.StatusCode.INVALID_ARGUMENT)
        assert "underlay_addresses: none is an IPv6 address" in message
        agent.request.underlay_addresses.insert(0, "fc00::b")
        await agent.join()
        assert agent.membership.node.pod_cidrs == ["10.244.0.0/24", "fd00:10:244::/64"]
        assert agent.membership.node.underlay_addresses == ["172.18.0.11", "fc00::b"]
        (node,) = await made.items("nodes")
        assert node["spec"]["podCIDRs"] == ["10.244.0.0/24", "fd00:10:244::/64"]
        await agent.join()
        assert agent.membership.node.pod_cidrs == ["10.244.0.0/24", "fd00:10:244::/64"]


async def test_the_services_of_a_dual_stack_cluster():
    families = {"pod_cidrs": DUAL_POD_CIDRS, "service_cidrs": DUAL_SERVICE_CIDRS}
    async with cluster(**families) as made:
        kubernetes = (await made.get("services", "kubernetes"))["spec"]
        assert kubernetes["clusterIPs"] == ["10.96.0.1"]
        dns = (await made.get("services", "kube-dns", "kube-system"))["spec"]
        assert dns["clusterIPs"] == ["10.96.0.10", "fd00:10:96::a"]
        assert dns["ipFamilyPolicy"] == "PreferDualStack"
