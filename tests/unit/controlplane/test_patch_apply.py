import copy
import json

import pytest

from controlplane.api.patch.apply import LAST_APPLIED, ApplyConflict, apply
from controlplane.api.patch.errors import PatchError
from controlplane.api.patch.managedfields import Writer, track_update
from tests.support.definitions import schema

DEPLOYMENT = schema("apps.v1.Deployment")
NOW, LATER = "2030-01-01T00:00:00Z", "2031-01-01T00:00:00Z"


def writer(manager, now=NOW, subresource=""):
    return Writer(manager, "apps/v1", now, subresource)


def deployment(replicas=None, containers=(), labels=None, **metadata):
    spec = {"template": {"spec": {"containers": list(containers)}}}
    if replicas is not None:
        spec["replicas"] = replicas
    if labels:
        metadata["labels"] = labels
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default", **metadata},
        "spec": spec,
    }


def apply_as(manager, live, applied, *, force=False, now=NOW):
    before = copy.deepcopy((live, applied))
    result = apply(live, applied, DEPLOYMENT, writer(manager, now), force=force)
    assert (live, applied) == before, "arguments are not changed"
    return result


def managers(obj):
    return [(e["manager"], e["operation"]) for e in obj["metadata"].get("managedFields", [])]


def test_apply_creates():
    made = apply_as("a", None, deployment(3, [{"name": "web", "image": "i"}]))
    assert made["spec"]["replicas"] == 3
    [entry] = made["metadata"]["managedFields"]
    assert entry["operation"] == "Apply"
    assert entry["fieldsV1"] == {
        "f:spec": {
            "f:replicas": {},
            "f:template": {
                "f:spec": {
                    "f:containers": {'k:{"name":"web"}': {".": {}, "f:image": {}, "f:name": {}}}
                }
            },
        }
    }


def test_applying_again_changes_nothing_not_even_the_time():
    made = apply_as("a", None, deployment(3))
    assert apply_as("a", made, deployment(3), now=LATER) == made


def test_what_is_no_longer_applied_goes():
    made = apply_as("a", None, deployment(3, [{"name": "x"}, {"name": "y"}], {"l": "1", "m": "2"}))
    again = apply_as("a", made, deployment(None, [{"name": "y"}], {"m": "2"}), now=LATER)
    assert "replicas" not in again["spec"]
    assert again["spec"]["template"]["spec"]["containers"] == [{"name": "y"}]
    assert again["metadata"]["labels"] == {"m": "2"}
    assert again["metadata"]["managedFields"][0]["time"] == LATER


def test_what_somebody_else_also_applies_stays():
    made = apply_as("a", None, deployment(3, labels={"l": "1"}))
    both = apply_as("b", made, deployment(3))
    assert managers(both) == [("a", "Apply"), ("b", "Apply")]
    left = apply_as("a", both, deployment(labels={"l": "1"}))
    assert left["spec"]["replicas"] == 3
    gone = apply_as("b", left, deployment())
    assert "replicas" not in gone["spec"]


def test_an_emptied_map_leaves_with_its_fields():
    applied = deployment()
    applied["spec"]["strategy"] = {"rollingUpdate": {"maxSurge": 1}}
    made = apply_as("a", None, applied)
    assert "strategy" not in apply_as("a", made, deployment())["spec"]
    assert apply_as("a", made, deployment())["metadata"]["name"] == "web"


def test_metadata_survives_when_its_last_applied_field_goes():
    made = apply_as("a", None, deployment(labels={"l": "1"}))
    made["metadata"]["uid"] = "u"
    assert apply_as("a", made, deployment())["metadata"]["uid"] == "u"


def test_a_conflict_is_worded_as_by_a_real_server():
    live = track_update(None, deployment(2), DEPLOYMENT, writer("kubectl-client-side-apply"))
    with pytest.raises(ApplyConflict) as raised:
        apply_as("argo", live, deployment(3))
    assert str(raised.value) == (
        "Apply failed with 1 conflict: conflict with "
        '"kubectl-client-side-apply" using apps/v1: .spec.replicas'
    )
    assert raised.value.causes() == [
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "kubectl-client-side-apply" using apps/v1',
            "field": ".spec.replicas",
        }
    ]


def test_several_conflicts():
    live = apply_as("a", None, deployment(2, labels={"l": "1"}))
    live = track_update(
        live,
        {**live, "metadata": {**live["metadata"], "labels": {"l": "1", "m": "1"}}},
        DEPLOYMENT,
        writer("hpa", subresource="scale"),
    )
    with pytest.raises(ApplyConflict) as raised:
        apply_as("b", live, deployment(3, labels={"l": "2", "m": "2"}))
    assert str(raised.value) == (
        'Apply failed with 3 conflicts: conflicts with "a":\n'
        "- .metadata.labels.l\n- .spec.replicas\n"
        'conflicts with "hpa" with subresource "scale" using apps/v1:\n- .metadata.labels.m'
    )


def test_the_same_value_is_no_conflict():
    live = track_update(None, deployment(2), DEPLOYMENT, writer("one"))
    shared = apply_as("two", live, deployment(2))
    assert managers(shared) == [("two", "Apply"), ("one", "Update")]


def test_force_takes_ownership():
    live = apply_as("a", None, deployment(2, labels={"l": "1"}))
    forced = apply_as("b", live, deployment(3), force=True)
    assert forced["spec"]["replicas"] == 3
    fields = {e["manager"]: e["fieldsV1"] for e in forced["metadata"]["managedFields"]}
    assert fields["b"]["f:spec"].keys() >= {"f:replicas"}
    assert "f:replicas" not in fields["a"].get("f:spec", {})


def test_objects_without_owners_belong_to_before_first_apply():
    applied = apply_as("a", deployment(2), deployment(2))
    assert ("before-first-apply", "Update") in managers(applied)
    with pytest.raises(ApplyConflict, match=r'"before-first-apply" using apps/v1: \.spec'):
        apply_as("a", deployment(2), deployment(3))


def test_moving_from_client_side_apply_does_not_conflict_with_oneself():
    config = deployment(2)
    text = json.dumps(config)
    live = track_update(
        None,
        deployment(2, annotations={LAST_APPLIED: text}),
        DEPLOYMENT,
        writer("kubectl-client-side-apply"),
    )
    moved = apply_as("kubectl", live, deployment(3))
    assert moved["spec"]["replicas"] == 3
    annotation = json.loads(moved["metadata"]["annotations"][LAST_APPLIED])
    assert annotation["spec"]["replicas"] == 3
    scaled = track_update(
        live,
        {**live, "spec": {**live["spec"], "replicas": 7}},
        DEPLOYMENT,
        writer("kubectl", subresource="scale"),
    )
    with pytest.raises(ApplyConflict, match=r'subresource "scale".*\.spec\.replicas'):
        apply_as("kubectl", scaled, deployment(3))


def test_unknown_fields_are_refused():
    wrong = deployment()
    wrong["spec"]["nope"] = 1
    with pytest.raises(PatchError, match=r"^\.spec\.nope: field not declared in schema$"):
        apply_as("a", None, wrong)
