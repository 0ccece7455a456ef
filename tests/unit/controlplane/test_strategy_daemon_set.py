"""DaemonSets through the real registry."""

import pytest

from controlplane.api.errors import StatusError
from controlplane.api.strategies.registry import strategies
from tests.unit.controlplane.support import deployment, make_client

SETS = "daemonsets.apps"


def daemon(**spec):
    obj = deployment("agent")
    del obj["spec"]["replicas"]
    obj["spec"] |= spec
    return obj


async def create(obj):
    client = await make_client(strategies())
    return client, await client.create(SETS, obj)


async def test_defaults():
    _, made = await create(daemon())
    assert made["spec"]["updateStrategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1},
    }
    assert made["spec"]["revisionHistoryLimit"] == 10
    assert "replicas" not in made["spec"]
    assert made["status"] == {
        "currentNumberScheduled": 0,
        "desiredNumberScheduled": 0,
        "numberMisscheduled": 0,
        "numberReady": 0,
    }


def rolling(**amounts):
    return daemon(updateStrategy={"rollingUpdate": amounts})


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        (daemon(selector={}), "empty selector is invalid for daemonset"),
        (
            daemon(updateStrategy={"type": "Odd"}),
            'spec.updateStrategy.type: Unsupported value: "Odd": supported values: '
            '"RollingUpdate", "OnDelete"',
        ),
        (
            rolling(maxUnavailable=0),
            "spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: "
            "cannot be 0 when maxSurge is 0",
        ),
        (
            rolling(maxSurge=1),
            "spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: "
            "may not be set when maxUnavailable is non-zero",
        ),
        (rolling(maxSurge="101%"), 'maxSurge: Invalid value: "101%": must not be greater than'),
        (daemon(minReadySeconds=-1), "spec.minReadySeconds: Invalid value: -1"),
    ],
)
async def test_refusals(obj, message):
    with pytest.raises(StatusError) as caught:
        await create(obj)
    assert message in caught.value.message


async def test_templates_are_counted():
    client, made = await create(daemon())
    key = "deprecated.daemonset.template.generation"
    assert made["metadata"]["annotations"][key] == "1"
    same = await client.patch(
        SETS, "agent", lambda d: d["spec"].update(minReadySeconds=1), "default"
    )
    assert same["metadata"]["annotations"][key] == "1"

    def rename(current):
        current["metadata"]["annotations"] = {}
        current["spec"]["template"]["spec"]["containers"][0]["image"] = "other"

    changed = await client.patch(SETS, "agent", rename, "default")
    assert changed["metadata"]["annotations"][key] == "2"
