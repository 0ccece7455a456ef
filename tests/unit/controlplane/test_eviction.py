"""Evictions ask the budget."""

import pytest

from controlplane.api.errors import StatusError
from controlplane.api.eviction import evict
from controlplane.api.strategies.registry import strategies
from controlplane.api.strategy import DeleteOptions
from tests.unit.controlplane.support import make_client

BUDGETS = "poddisruptionbudgets.policy"


async def world(ready=True, phase="Running", **status):
    """A pod and, with `status`, its budget."""
    client = await make_client(strategies())
    about = {"name": "web", "namespace": "default", "labels": {"app": "web"}}
    spec = {"containers": [{"name": "c", "image": "i"}], "nodeName": "n1"}
    await client.create("pods", {"metadata": about, "spec": spec})
    said = {"phase": phase, "conditions": [{"type": "Ready", "status": str(ready)}]}
    await client.patch(
        "pods", "web", lambda p: p.update(status=said), "default", subresource="status"
    )
    if status:
        await budget(client, **status)
    return client


async def budget(client, name="budget", policy=None, **status):
    spec = {"selector": {"matchLabels": {"app": "web"}}, "minAvailable": 1}
    if policy:
        spec["unhealthyPodEvictionPolicy"] = policy
    about = {"name": name, "namespace": "default"}
    await client.create(BUDGETS, {"metadata": about, "spec": spec})
    counts = {"observedGeneration": 1, "currentHealthy": 1, "desiredHealthy": 1, **status}
    await client.patch(
        BUDGETS, name, lambda b: b["status"].update(counts), "default", subresource="status"
    )


async def ask(client, **options):
    pods = client.registry.resources.by_name("pods")
    await evict(client.registry, pods, "default", "web", DeleteOptions(**options))


async def is_going(client):
    pod = await client.get("pods", "web", "default")
    return "deletionTimestamp" in pod["metadata"]


async def test_without_a_budget_the_pod_goes_and_says_why():
    client = await world()
    await ask(client)
    pod = await client.get("pods", "web", "default")
    assert pod["metadata"]["deletionTimestamp"]
    reasons = {c["type"]: c.get("reason") for c in pod["status"]["conditions"]}
    assert reasons["DisruptionTarget"] == "EvictionByEvictionAPI"


async def test_an_allowed_disruption_is_taken():
    client = await world(disruptionsAllowed=1)
    await ask(client)
    assert await is_going(client)
    status = (await client.get(BUDGETS, "budget", "default"))["status"]
    assert status["disruptionsAllowed"] == 0
    assert list(status["disruptedPods"]) == ["web"]


async def test_a_dry_run_takes_nothing():
    client = await world(disruptionsAllowed=1)
    await ask(client, dry_run=True)
    assert not await is_going(client)
    assert (await client.get(BUDGETS, "budget", "default"))["status"]["disruptionsAllowed"] == 1


@pytest.mark.parametrize(
    ("status", "cause", "retry_after_s"),
    [
        (
            {"disruptionsAllowed": 0},
            "The disruption budget budget needs 1 healthy pods and has 1 currently",
            0,
        ),
        (
            {"observedGeneration": 0, "disruptionsAllowed": 5},
            "The disruption budget budget is still being processed by the server.",
            10,
        ),
        (
            {
                "disruptionsAllowed": 0,
                "currentHealthy": 3,
                "conditions": [
                    {"type": "DisruptionAllowed", "reason": "SyncFailed", "message": "M"}
                ],
            },
            "The disruption budget budget does not allow evicting pods currently because it failed "
            "sync: M",
            0,
        ),
    ],
)
async def test_a_refusal_is_a_429_with_its_cause(status, cause, retry_after_s):
    client = await world(**status)
    with pytest.raises(StatusError) as caught:
        await ask(client)
    error = caught.value
    assert (error.code, error.reason) == (429, "TooManyRequests")
    assert error.message == "Cannot evict pod as it would violate the pod's disruption budget."
    assert error.details.causes == ({"reason": "DisruptionBudget", "message": cause},)
    assert error.details.retry_after_s == retry_after_s
    assert not await is_going(client)


async def test_two_budgets_are_one_too_many():
    client = await world(disruptionsAllowed=1)
    await budget(client, "second", disruptionsAllowed=1)
    with pytest.raises(StatusError) as caught:
        await ask(client)
    assert "This pod has more than one PodDisruptionBudget" in caught.value.message
    assert caught.value.code == 500


@pytest.mark.parametrize("phase", ["Pending", "Succeeded", "Failed"])
async def test_pods_that_serve_nobody_go_at_once(phase):
    client = await world(phase=phase, disruptionsAllowed=0)
    await ask(client)
    assert (await client.get(BUDGETS, "budget", "default"))["status"]["disruptionsAllowed"] == 0


@pytest.mark.parametrize(
    ("policy", "healthy", "goes"),
    [(None, 1, True), (None, 0, False), ("AlwaysAllow", 0, True), ("IfHealthyBudget", 0, False)],
)
async def test_unready_pods_go_as_the_policy_says(policy, healthy, goes):
    client = await world(ready=False)
    await budget(client, policy=policy, currentHealthy=healthy, disruptionsAllowed=0)
    if goes:
        await ask(client)
    else:
        with pytest.raises(StatusError):
            await ask(client)
    assert await is_going(client) == goes
