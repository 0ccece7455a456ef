"""Deployments at work: what the pure parts do not show."""

from tests.unit.controlplane.running import cluster
from tests.unit.controlplane.support import deployment

DEPLOYMENTS, SETS = "deployments.apps", "replicasets.apps"


def image(name):
    def change(current):
        current["spec"]["template"]["spec"]["containers"][0]["image"] = name

    return change


def complete(generation):
    def accept(found):
        status = found[0].get("status", {})
        return (
            status.get("observedGeneration") == generation
            and status.get("updatedReplicas") == status.get("replicas") == 1
            and status.get("availableReplicas") == 1
        )

    return accept


async def running(made, **spec):
    agent = await made.agent()
    obj = deployment()
    obj["spec"] |= spec
    await made.create(DEPLOYMENTS, obj)
    await made.eventually(DEPLOYMENTS, complete(1))
    return agent


async def test_old_templates_go_when_the_rollout_is_over():
    async with cluster() as made:
        agent = await running(made, revisionHistoryLimit=0)
        agent.runs_pods = False
        await made.client.patch(DEPLOYMENTS, "web", image("other"), "default")
        pods = await made.eventually("pods", lambda found: len(found) == 2)
        assert len(await made.items(SETS)) == 2
        agent.runs_pods = True
        for pod in pods:
            if pod["status"].get("phase") == "Pending":
                await made.client.delete("pods", pod["metadata"]["name"], "default")
        await made.eventually(DEPLOYMENTS, complete(2))
        await made.eventually(SETS, lambda found: len(found) == 1)


async def test_the_wait_for_availability_reaches_the_present_set():
    async with cluster() as made:
        await running(made)

        async def wait(seconds):
            await made.client.patch(
                DEPLOYMENTS, "web", lambda d: d["spec"].update(minReadySeconds=seconds), "default"
            )
            (found,) = await made.eventually(
                SETS, lambda found: found[0]["spec"].get("minReadySeconds", 0) == seconds
            )
            return found

        assert (await wait(3))["spec"]["minReadySeconds"] == 3
        assert "minReadySeconds" not in (await wait(0))["spec"]


async def test_orphaned_sets_are_adopted_by_a_successor():
    async with cluster() as made:
        await running(made)
        (before,) = await made.items(SETS)
        await made.client.delete(DEPLOYMENTS, "web", "default", propagation_policy="Orphan")
        await made.gone(DEPLOYMENTS, "web")
        await made.create(DEPLOYMENTS, deployment())
        await made.eventually(DEPLOYMENTS, complete(1))
        (after,) = await made.items(SETS)
        assert after["metadata"]["uid"] == before["metadata"]["uid"]
        assert len(await made.items("pods")) == 1
