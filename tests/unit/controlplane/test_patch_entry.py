import json

import pytest

from controlplane.api.errors import StatusError
from controlplane.api.patch import (
    APPLY_PATCH,
    JSON_PATCH,
    MERGE_PATCH,
    STRATEGIC_MERGE_PATCH,
    ApplyOptions,
    Writer,
    apply_patch,
)
from tests.support.definitions import schema

POD = schema("core.v1.Pod")
LIVE = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p"},
    "spec": {"containers": [{"name": "a", "image": "x"}]},
}
OPTIONS = ApplyOptions(Writer("m", "v1", "2030-01-01T00:00:00Z"), ignored=frozenset({"status"}))


def refused(content_type, body, options=None, live=LIVE):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(StatusError) as raised:
        apply_patch(content_type, live, body, POD, options)
    return raised.value


@pytest.mark.parametrize(
    ("content_type", "patch"),
    [
        (JSON_PATCH, [{"op": "replace", "path": "/spec/containers/0/image", "value": "y"}]),
        (MERGE_PATCH, {"spec": {"containers": [{"name": "a", "image": "y"}]}}),
        (STRATEGIC_MERGE_PATCH, {"spec": {"containers": [{"name": "a", "image": "y"}]}}),
        (STRATEGIC_MERGE_PATCH + "; charset=utf-8", {"spec": {"containers": [
            {"name": "a", "image": "y"}]}}),
    ],
)  # fmt: skip
def test_each_type(content_type, patch):
    result = apply_patch(content_type, LIVE, json.dumps(patch).encode(), POD)
    assert result["spec"]["containers"] == [{"name": "a", "image": "y"}]
    assert LIVE["spec"]["containers"][0]["image"] == "x"


def test_apply_reads_yaml_and_ignores_status():
    body = b"apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nstatus: {phase: X}\nspec: {}\n"
    result = apply_patch(APPLY_PATCH, None, body, POD, OPTIONS)
    assert "status" not in result


def test_dates_in_yaml_are_text_and_bombs_are_refused():
    body = b"apiVersion: v1\nkind: Pod\nmetadata: {name: p, annotations: {d: 2001-01-01}}\n"
    result = apply_patch(APPLY_PATCH, None, body, POD, OPTIONS)
    assert result["metadata"]["annotations"] == {"d": "2001-01-01"}
    levels = [b"a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    for level in range(1, 9):
        levels.append(b"a%d: &a%d [%s]" % (level, level, b", ".join([b"*a%d" % (level - 1)] * 9)))
    assert "excessive aliasing" in refused(APPLY_PATCH, b"\n".join(levels), OPTIONS).message


@pytest.mark.parametrize(
    ("content_type", "body", "code", "text"),
    [
        ("application/json", {}, 415, "accepted media types include: application/json-patch"),
        (JSON_PATCH, b"{", 400, "error decoding patch"),
        (JSON_PATCH, {}, 400, "list of operations"),
        (MERGE_PATCH, [], 400, "not an object"),
        (STRATEGIC_MERGE_PATCH, {"spec": {"containers": [{}]}}, 400, "merge key: name"),
        (JSON_PATCH, [{"op": "remove", "path": "/x"}], 422, "the server rejected our request"),
        (MERGE_PATCH, b"[" * 100_000, 400, "error decoding patch"),
    ],
)
def test_refusals(content_type, body, code, text):
    error = refused(content_type, body)
    assert error.code == code
    assert text in error.message


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"kind": None}, "'Kind' is missing"),
        ({"apiVersion": "v2"}, "Specified patch version: v2, expected: v1"),
        ({"metadata": {"managedFields": []}}, "metadata.managedFields must be nil"),
        (
            {"spec": {"nope": 1}},
            "failed to create typed patch object (/p; v1, Kind=Pod): .spec.nope: "
            "field not declared in schema",
        ),
    ],
)
def test_refusals_of_apply(change, text):
    error = refused(APPLY_PATCH, {**LIVE, **change}, OPTIONS)
    assert error.code == 400
    assert text in error.message


def test_apply_needs_a_manager():
    error = refused(APPLY_PATCH, LIVE)
    assert (error.code, error.message) == (
        422,
        'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: '
        "is required for apply patch",
    )


def test_a_conflict_is_a_409_with_causes():
    other = ApplyOptions(Writer("other", "v1", "2030-01-01T00:00:00Z"))
    live = apply_patch(APPLY_PATCH, None, json.dumps(LIVE).encode(), POD, other)
    changed = {**LIVE, "spec": {"containers": [{"name": "a", "image": "z"}]}}
    error = refused(APPLY_PATCH, changed, OPTIONS, live)
    assert (error.code, error.reason) == (409, "Conflict")
    [cause] = error.to_status()["details"]["causes"]
    assert cause["field"] == '.spec.containers[name="a"].image'
