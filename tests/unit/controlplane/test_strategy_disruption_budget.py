"""PodDisruptionBudgets through the real registry."""

import pytest

from controlplane.api.errors import StatusError
from controlplane.api.strategies.registry import strategies
from tests.unit.controlplane.support import make_client


async def create(**spec):
    client = await make_client(strategies())
    obj = {"metadata": {"name": "budget", "namespace": "default"}, "spec": spec}
    return await client.create("poddisruptionbudgets.policy", obj)


async def test_nothing_is_allowed_at_first():
    made = await create(maxUnavailable=1)
    assert made["status"] == {
        "currentHealthy": 0,
        "desiredHealthy": 0,
        "disruptionsAllowed": 0,
        "expectedPods": 0,
    }


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"minAvailable": 1, "maxUnavailable": 1},
            'spec: Invalid value: {"minAvailable":1,"maxUnavailable":1}: minAvailable and '
            "maxUnavailable cannot be both set",
        ),
        ({"minAvailable": "x"}, "a valid percent string"),
        ({"maxUnavailable": "200%"}, "must not be greater than 100%"),
        ({"unhealthyPodEvictionPolicy": "Odd"}, 'supported values: "AlwaysAllow", "IfHealthy'),
        (
            {"selector": {"matchExpressions": [{"key": "a", "operator": "In"}]}},
            "spec.selector.matchExpressions[0].values: Required value",
        ),
    ],
)
async def test_refusals(spec, message):
    with pytest.raises(StatusError) as caught:
        await create(**spec)
    assert message in caught.value.message
