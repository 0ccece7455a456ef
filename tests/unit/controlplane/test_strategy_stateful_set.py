"""StatefulSets, ControllerRevisions and claims through the real registry."""

import pytest

from controlplane.api.errors import StatusError
from controlplane.api.registry import WriteOptions
from controlplane.api.strategies.registry import strategies
from tests.unit.controlplane.support import deployment, make_client

SETS = "statefulsets.apps"


def stateful(**spec):
    obj = deployment("db")
    obj["spec"] |= spec
    return obj


async def create(obj, resource=SETS):
    client = await make_client(strategies())
    return client, await client.create(resource, obj)


async def refusal(obj, resource=SETS):
    with pytest.raises(StatusError) as caught:
        await create(obj, resource)
    return caught.value.message


async def test_defaults():
    claim = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
    _, made = await create(stateful(volumeClaimTemplates=[claim]))
    spec = made["spec"]
    assert spec["podManagementPolicy"] == "OrderedReady"
    assert spec["updateStrategy"] == {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}
    assert spec["revisionHistoryLimit"] == 10
    assert spec["persistentVolumeClaimRetentionPolicy"] == {
        "whenDeleted": "Retain",
        "whenScaled": "Retain",
    }
    (template,) = spec["volumeClaimTemplates"]
    assert template["kind"] == "PersistentVolumeClaim"
    assert template["spec"]["volumeMode"] == "Filesystem"
    assert template["status"] == {"phase": "Pending"}


async def test_what_has_no_effect_is_said():
    client = await make_client(strategies())
    resource = client.registry.resources.by_name(SETS)
    rolling = {"rollingUpdate": {"maxUnavailable": 2}}
    claim = {"metadata": {"name": "data"}, "spec": {}}
    obj = stateful(volumeClaimTemplates=[claim], updateStrategy=rolling)
    options = WriteOptions()
    await client.registry.create(resource, "default", obj, options)
    assert [text.partition(":")[0] for text in options.warnings] == [
        "spec.volumeClaimTemplates",
        "spec.updateStrategy.rollingUpdate.maxUnavailable",
    ]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"selector": None}, "spec.selector: Required value"),
        ({"selector": {}}, "empty selector is invalid for statefulset"),
        ({"podManagementPolicy": "Odd"}, "must be 'OrderedReady' or 'Parallel'"),
        ({"updateStrategy": {"type": "Odd"}}, "must be 'RollingUpdate' or 'OnDelete'"),
        (
            {"updateStrategy": {"type": "OnDelete", "rollingUpdate": {"partition": 1}}},
            "spec.updateStrategy.rollingUpdate: Invalid value: "
            "{\"partition\":1}: only allowed for updateStrategy 'RollingUpdate'",
        ),
        (
            {"updateStrategy": {"rollingUpdate": {"partition": -1}}},
            "spec.updateStrategy.rollingUpdate.partition: Invalid value: -1",
        ),
        ({"ordinals": {"start": -1}}, "spec.ordinals.start: Invalid value: -1"),
        ({"replicas": -1}, "spec.replicas: Invalid value: -1"),
        (
            {"persistentVolumeClaimRetentionPolicy": {"whenScaled": "Odd"}},
            'whenScaled: Unsupported value: "Odd": supported values: "Delete", "Retain"',
        ),
    ],
)
async def test_refusals(spec, message):
    assert message in await refusal(stateful(**spec))


async def test_pods_with_an_end_are_refused():
    obj = stateful()
    obj["spec"]["template"]["spec"]["restartPolicy"] = "Never"
    assert "spec.template.spec.restartPolicy: Unsupported value" in await refusal(obj)


async def test_most_of_the_spec_is_fixed():
    client, _ = await create(stateful(serviceName="peers"))
    with pytest.raises(StatusError) as caught:
        await client.patch(SETS, "db", lambda s: s["spec"].update(serviceName="x"), "default")
    assert "updates to statefulset spec for fields other than 'replicas'" in caught.value.message
    done = await client.patch(SETS, "db", lambda s: s["spec"].update(minReadySeconds=1), "default")
    assert done["metadata"]["generation"] == 2


def revision(**fields):
    return {
        "metadata": {"name": "db-1", "namespace": "default"},
        "revision": 1,
        "data": {"spec": {}},
        **fields,
    }


async def test_revisions_keep_their_data():
    resource = "controllerrevisions.apps"
    client, _ = await create(revision(), resource)
    with pytest.raises(StatusError) as caught:
        await client.patch(resource, "db-1", lambda r: r.update(data={}), "default")
    assert "data: Invalid value: {}: field is immutable" in caught.value.message
    assert "data: Required value: data is mandatory" in await refusal(revision(data=None), resource)
    assert "revision: Invalid value: -1" in await refusal(revision(revision=-1), resource)


def claim(**spec):
    wanted = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
        **spec,
    }
    return {"metadata": {"name": "data", "namespace": "default"}, "spec": wanted}


async def test_claims_are_bound_at_once_and_stay_as_they_are():
    resource = "persistentvolumeclaims"
    client, made = await create(claim(), resource)
    assert made["status"] == {
        "phase": "Bound",
        "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": "1Gi"},
    }
    assert made["spec"]["volumeMode"] == "Filesystem"
    with pytest.raises(StatusError) as caught:
        await client.patch(
            resource, "data", lambda c: c["spec"].update(accessModes=["ReadOnlyMany"]), "default"
        )
    assert "spec is immutable after creation" in caught.value.message


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"accessModes": []}, "at least 1 access mode is required"),
        ({"accessModes": ["Odd"]}, 'spec.accessModes: Unsupported value: "Odd"'),
        ({"resources": {}}, "spec.resources[storage]: Required value"),
    ],
)
async def test_refused_claims(spec, message):
    assert message in await refusal(claim(**spec), "persistentvolumeclaims")
