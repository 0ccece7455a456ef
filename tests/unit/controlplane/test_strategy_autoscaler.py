"""HorizontalPodAutoscalers: accepted, checked, and said to do nothing."""

import pytest

from controlplane.api.errors import StatusError
from controlplane.api.registry import WriteOptions
from controlplane.api.strategies.registry import strategies
from tests.unit.controlplane.running import cluster
from tests.unit.controlplane.support import make_client

RESOURCE = "horizontalpodautoscalers.autoscaling"


def autoscaler(**spec):
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    return {
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"scaleTargetRef": target, "maxReplicas": 3, **spec},
    }


async def test_defaults_and_the_warning():
    client = await make_client(strategies())
    resource, options = client.registry.resources.by_name(RESOURCE), WriteOptions()
    made = (await client.registry.create(resource, "default", autoscaler(), options)).value
    assert made["spec"]["minReplicas"] == 1
    assert made["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 80
    (warning,) = options.warnings
    assert warning == (
        "kubehop keeps this HorizontalPodAutoscaler, but nothing is scaled by it: kubehop measures "
        "no metrics of pods"
    )


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"scaleTargetRef": {"kind": "", "name": ""}}, "spec.scaleTargetRef.kind: Required value"),
        ({"minReplicas": 0}, "spec.minReplicas: Invalid value: 0: must be greater than or equal"),
        ({"maxReplicas": 0}, "spec.maxReplicas: Invalid value: 0: must be greater than 0"),
        (
            {"minReplicas": 4},
            "spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`",
        ),
    ],
)
async def test_refusals(spec, message):
    client = await make_client(strategies())
    with pytest.raises(StatusError) as caught:
        await client.create(RESOURCE, autoscaler(**spec))
    assert message in caught.value.message


async def test_an_event_says_that_it_does_nothing():
    async with cluster() as made:
        await made.create(RESOURCE, autoscaler())
        events = await made.eventually(
            "events", lambda found: any(e["reason"] == "Inert" for e in found)
        )
        told = next(e for e in events if e["reason"] == "Inert")
        assert told["involvedObject"]["name"] == "web"
        assert "nothing is scaled by it" in told["message"]
