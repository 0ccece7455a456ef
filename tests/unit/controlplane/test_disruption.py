"""Budgets at work, with agents that are real gRPC clients."""

import pytest

from controlplane.api.errors import StatusError
from controlplane.api.eviction import evict
from controlplane.api.strategy import DeleteOptions
from tests.support.member_agent import running
from tests.unit.controlplane.running import cluster
from tests.unit.controlplane.support import deployment

BUDGETS = "poddisruptionbudgets.policy"


def budget(**spec):
    selector = {"matchLabels": {"app": "web"}}
    return {
        "metadata": {"name": "budget", "namespace": "default"},
        "spec": {"selector": selector, **spec},
    }


def counts(**expected):
    def accept(found):
        status = found[0].get("status", {}) if found else {}
        return all(status.get(name) == value for name, value in expected.items())

    return accept


async def evict_one(made):
    pods = made.client.registry.resources.by_name("pods")
    for pod in await made.items("pods"):
        if not pod["metadata"].get("deletionTimestamp"):
            name = pod["metadata"]["name"]
            await evict(made.client.registry, pods, "default", name, DeleteOptions())
            return name
    raise AssertionError("no pod is left")


async def test_one_eviction_after_the_other():
    async with cluster() as made:
        agent = await made.agent()
        await made.create("deployments.apps", deployment(replicas=3))
        await made.create(BUDGETS, budget(maxUnavailable=1))
        await made.eventually(
            BUDGETS,
            counts(expectedPods=3, desiredHealthy=2, currentHealthy=3, disruptionsAllowed=1),
        )
        agent.runs_pods = False
        gone = await evict_one(made)
        await made.eventually(BUDGETS, counts(currentHealthy=2, disruptionsAllowed=0))
        with pytest.raises(StatusError) as caught:
            await evict_one(made)
        assert caught.value.details.causes[0]["message"] == (
            "The disruption budget budget needs 2 healthy pods and has 2 currently"
        )
        pod = await made.get("pods", gone)
        await agent.report(pod, None, removed=True)
        agent.runs_pods = True
        await made.gone("pods", gone)
        for waiting in await made.items("pods"):
            if waiting["status"].get("phase") == "Pending":
                await agent.report(waiting, running("10.244.9.9"))
        await made.eventually(BUDGETS, counts(currentHealthy=3, disruptionsAllowed=1))
        found = await made.get(BUDGETS, "budget")
        assert "disruptedPods" not in found["status"]


async def test_scaling_changes_what_is_expected():
    async with cluster() as made:
        await made.agent()
        await made.create("deployments.apps", deployment(replicas=2))
        await made.create(BUDGETS, budget(minAvailable="50%"))
        await made.eventually(BUDGETS, counts(expectedPods=2, desiredHealthy=1))
        await made.client.patch(
            "deployments.apps", "web", lambda d: d["spec"].update(replicas=4), "default"
        )
        await made.eventually(
            BUDGETS, counts(expectedPods=4, desiredHealthy=2, disruptionsAllowed=2)
        )


async def test_pods_without_a_controller_cannot_be_expected():
    async with cluster() as made:
        await made.agent()
        bare = {
            "metadata": {"name": "bare", "namespace": "default", "labels": {"app": "web"}},
            "spec": {"containers": [{"name": "c", "image": "i"}]},
        }
        await made.create("pods", bare)
        await made.create(BUDGETS, budget(maxUnavailable=1))
        (found,) = await made.eventually(
            BUDGETS, lambda found: found[0].get("status", {}).get("conditions")
        )
        (condition,) = found["status"]["conditions"]
        assert condition["reason"] == "SyncFailed"
        assert condition["message"] == 'found no controllers for pod "bare"'
        await made.client.patch(
            BUDGETS,
            "budget",
            lambda b: b.update(spec=budget(minAvailable=0)["spec"]),
            "default",
        )
        await made.eventually(BUDGETS, counts(expectedPods=1, disruptionsAllowed=1))


async def test_a_budget_for_nobody_says_so():
    async with cluster() as made:
        await made.create(BUDGETS, budget(maxUnavailable=1))
        await made.eventually(
            "events", lambda found: any(e["message"] == "No matching pods found" for e in found)
        )
