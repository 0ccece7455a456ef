"""Deployments and ReplicaSets through the real registry."""

import pytest

from controlplane.api.errors import StatusError
from controlplane.api.strategies.registry import strategies
from tests.unit.controlplane.support import deployment, make_client


async def create(obj, resource="deployments.apps"):
    client = await make_client(strategies())
    return client, await client.create(resource, obj)


async def test_defaults():
    obj = deployment()
    del obj["spec"]["replicas"]
    _, made = await create(obj)
    spec = made["spec"]
    assert spec["replicas"] == 1
    assert spec["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
    }
    assert spec["revisionHistoryLimit"] == 10
    assert spec["progressDeadlineSeconds"] == 600
    template = spec["template"]["spec"]
    assert template["restartPolicy"] == "Always"
    assert template["containers"][0]["imagePullPolicy"] == "Always"
    assert "enableServiceLinks" not in template
    assert "tolerations" not in template


async def test_replica_set_defaults():
    _, made = await create(deployment(), "replicasets.apps")
    assert made["status"] == {"replicas": 0}
    assert "strategy" not in made["spec"]


def changed(**spec):
    obj = deployment()
    obj["spec"].update(spec)
    return obj


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        (
            changed(replicas=-1),
            'Deployment.apps "web" is invalid: spec.replicas: Invalid value: -1: '
            "must be greater than or equal to 0",
        ),
        (
            changed(selector={"matchLabels": {"app": "other"}}),
            'Deployment.apps "web" is invalid: spec.template.metadata.labels: Invalid value: '
            '{"app":"web"}: `selector` does not match template `labels`',
        ),
        (changed(selector=None), "spec.selector: Required value"),
        (changed(selector={}), "empty selector is invalid for deployment"),
        (
            changed(selector={"matchExpressions": [{"key": "app", "operator": "In"}]}),
            "spec.selector.matchExpressions[0].values: Required value",
        ),
        (
            changed(strategy={"type": "Other"}),
            'spec.strategy.type: Unsupported value: "Other": supported values: "Recreate", '
            '"RollingUpdate"',
        ),
        (
            changed(strategy={"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}),
            "spec.strategy.rollingUpdate: Forbidden",
        ),
        (
            changed(strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}),
            "may not be 0 when `maxSurge` is 0",
        ),
        (
            changed(strategy={"rollingUpdate": {"maxSurge": "x"}}),
            "a valid percent string must be a numeric string",
        ),
        (
            changed(strategy={"rollingUpdate": {"maxUnavailable": "101%"}}),
            "must not be greater than 100%",
        ),
        (
            changed(progressDeadlineSeconds=5, minReadySeconds=5),
            "must be greater than minReadySeconds",
        ),
        (changed(template={}), "spec.template.spec.containers: Required value"),
        (
            changed(
                template={
                    "metadata": {"labels": {"app": "web"}},
                    "spec": {
                        "restartPolicy": "Never",
                        "containers": [{"name": "c", "image": "i"}],
                    },
                }
            ),
            'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: '
            '"Always"',
        ),
    ],
)
async def test_refusals(obj, message):
    with pytest.raises(StatusError) as caught:
        await create(obj)
    assert message in caught.value.message


async def test_the_selector_is_immutable():
    client, _ = await create(deployment(labels={"app": "web", "tier": "a"}))

    def narrow(current):
        current["spec"]["selector"]["matchLabels"] = {"app": "web"}

    with pytest.raises(StatusError) as caught:
        await client.patch("deployments.apps", "web", narrow, "default")
    assert caught.value.message == (
        'Deployment.apps "web" is invalid: spec.selector: Invalid value: '
        '{"matchLabels":{"app":"web"}}: field is immutable'
    )


async def test_a_status_write_does_not_count_as_a_change():
    client, _ = await create(deployment())
    stored = await client.patch(
        "deployments.apps",
        "web",
        lambda d: d.update(status={"replicas": 3}),
        "default",
        subresource="status",
    )
    assert stored["metadata"]["generation"] == 1
