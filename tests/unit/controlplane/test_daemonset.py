"""DaemonSets at work, with agents that are real gRPC clients."""

from controlplane.controllers.revisions import RESOURCE as REVISIONS
from tests.unit.controlplane.running import cluster
from tests.unit.controlplane.support import deployment

SETS = "daemonsets.apps"


def daemon(name="agent", **spec):
    obj = deployment(name)
    del obj["spec"]["replicas"]
    obj["spec"] |= spec
    return obj


def ready(count):
    def accept(found):
        status = found[0].get("status", {}) if found else {}
        numbers = {
            status.get(name, 0)
            for name in (
                "numberReady",
                "desiredNumberScheduled",
                "updatedNumberScheduled",
                "numberAvailable",
            )
        }
        return numbers == {count}

    return accept


async def running_set(made, agents=2, **spec):
    joined = [await made.agent(number) for number in range(1, agents + 1)]
    await made.create(SETS, daemon(**spec))
    await made.eventually(SETS, ready(agents))
    return joined


def image(name):
    def change(current):
        current["spec"]["template"]["spec"]["containers"][0]["image"] = name

    return change


async def test_every_node_has_one_and_a_new_node_gets_one():
    async with cluster() as made:
        first, second = await running_set(made)
        nodes = [p["spec"]["nodeName"] for p in await made.items("pods")]
        assert sorted(nodes) == sorted([first.name, second.name])
        await made.agent(3)
        await made.eventually(SETS, ready(3))


async def test_a_taint_drives_its_pod_away_and_a_cordon_does_not():
    async with cluster() as made:
        first, _ = await running_set(made)

        def mark(node):
            node["spec"]["unschedulable"] = True

        await made.client.patch("nodes", first.name, mark)
        await made.eventually("nodes", lambda found: any(n["spec"].get("taints") for n in found))

        def taint(node):
            node["spec"]["taints"] = [{"key": "mine", "effect": "NoExecute"}]

        assert len(await made.items("pods")) == 2
        await made.client.patch("nodes", first.name, taint)
        await made.eventually(SETS, ready(1))


async def test_an_update_goes_over_the_nodes_and_keeps_its_history():
    async with cluster() as made:
        await running_set(made)
        await made.client.patch(SETS, "agent", image("other"), "default")
        await made.eventually(
            "pods",
            lambda found: (
                [p["spec"]["containers"][0]["image"] for p in found] == ["other", "other"]
            ),
        )
        await made.eventually(SETS, ready(2))
        assert sorted(r["revision"] for r in await made.items(REVISIONS)) == [1, 2]
        found = await made.get(SETS, "agent")
        annotations = found["metadata"]["annotations"]
        assert annotations["deprecated.daemonset.template.generation"] == "2"


async def test_surge_starts_the_new_pod_first():
    async with cluster() as made:
        rolling = {"maxSurge": 1, "maxUnavailable": 0}
        await running_set(made, updateStrategy={"rollingUpdate": rolling})
        await made.client.patch(SETS, "agent", image("other"), "default")
        await made.eventually("pods", lambda found: len(found) == 3)
        await made.eventually(SETS, ready(2))
        await made.eventually("pods", lambda found: len(found) == 2)


async def test_on_delete_waits_for_the_user():
    async with cluster() as made:
        await running_set(made, agents=1, updateStrategy={"type": "OnDelete"})
        await made.client.patch(SETS, "agent", image("other"), "default")
        await made.eventually(
            SETS,
            lambda found: (
                found[0]["status"]["observedGeneration"] == 2
                and not found[0]["status"].get("updatedNumberScheduled")
            ),
        )
        (pod,) = await made.items("pods")
        await made.client.delete("pods", pod["metadata"]["name"], "default")
        await made.eventually(SETS, ready(1))


async def test_a_failed_pod_is_replaced():
    async with cluster() as made:
        (agent,) = await running_set(made, agents=1)
        (pod,) = await made.items("pods")
        await agent.report(pod, {"phase": "Failed"})
        await made.gone("pods", pod["metadata"]["name"])
        await made.eventually(SETS, ready(1))
        events = await made.eventually(
            "events", lambda found: any(e["reason"] == "FailedDaemonPod" for e in found)
        )
        failed = next(e for e in events if e["reason"] == "FailedDaemonPod")
        assert failed["message"] == (
            f"Found failed daemon pod default/{pod['metadata']['name']} on node {agent.name}, "
            "will try to kill it"
        )
