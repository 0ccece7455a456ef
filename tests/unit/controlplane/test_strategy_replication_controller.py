"""ReplicationControllers through the real registry."""

import pytest

from controlplane.api.errors import StatusError
from controlplane.api.strategies.registry import strategies
from tests.unit.controlplane.support import deployment, make_client


def controller(**spec):
    obj = deployment("rc")
    obj["spec"] = {"template": obj["spec"]["template"], **spec}
    del obj["metadata"]["labels"]
    return obj


async def create(obj):
    client = await make_client(strategies())
    return await client.create("replicationcontrollers", obj)


async def test_selector_and_labels_come_from_the_template():
    made = await create(controller())
    assert made["spec"]["selector"] == {"app": "rc"}
    assert made["metadata"]["labels"] == {"app": "rc"}
    assert made["spec"]["replicas"] == 1
    assert made["status"] == {"replicas": 0}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"selector": {"app": "other"}},
            'ReplicationController "rc" is invalid: spec.template.metadata.labels: Invalid value: '
            '{"app":"rc"}: `selector` does not match template `labels`',
        ),
        ({"replicas": -1}, "spec.replicas: Invalid value: -1"),
        ({"selector": {"app": "a b"}}, "spec.selector: Invalid value"),
        (
            {"template": {"spec": {"containers": [{"name": "c", "image": "i"}]}}},
            "spec.selector: Required value",
        ),
    ],
)
async def test_refusals(spec, message):
    with pytest.raises(StatusError) as caught:
        await create(controller(**spec))
    assert message in caught.value.message


async def test_pods_of_a_template_have_no_deadline():
    obj = controller()
    obj["spec"]["template"]["spec"]["activeDeadlineSeconds"] = 5
    with pytest.raises(StatusError) as caught:
        await create(obj)
    assert "activeDeadlineSeconds in ReplicationController is not Supported" in str(caught.value)
