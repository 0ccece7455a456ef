import pytest

from controlplane.api.patch.errors import OversizedPatch, PatchError, UnprocessablePatch
from controlplane.api.patch.json_patch import MAX_OPERATIONS, json_patch


def test_operations_apply_in_order_to_a_copy():
    target = {"spec": {"ports": [{"port": 80}]}}
    result = json_patch(
        target,
        [
            {"op": "test", "path": "/spec/ports/0/port", "value": 80},
            {"op": "replace", "path": "/spec/ports/0/port", "value": 81},
            {"op": "add", "path": "/spec/ports/-", "value": {"port": 82}},
        ],
    )
    assert result == {"spec": {"ports": [{"port": 81}, {"port": 82}]}}
    assert target == {"spec": {"ports": [{"port": 80}]}}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/a", "value": 2},
        {"op": "remove", "path": "/nope"},
        {"op": "replace", "path": "/nope/x", "value": 1},
        {"op": "replace", "path": "", "value": []},
    ],
)
def test_operations_that_do_not_fit(operation):
    with pytest.raises(UnprocessablePatch):
        json_patch({"a": 1}, [operation])


@pytest.mark.parametrize(
    "operations",
    [{}, "x", [1], [{"op": "nope", "path": "/a"}], [{"path": "/a"}], [{"op": "add", "path": "/a"}]],
)
def test_what_is_no_json_patch(operations):
    with pytest.raises(PatchError):
        json_patch({"a": 1}, operations)


def test_too_many_operations():
    with pytest.raises(PatchError, match=f"{MAX_OPERATIONS}, got {MAX_OPERATIONS + 1}"):
        json_patch({}, [{"op": "test", "path": ""}] * (MAX_OPERATIONS + 1))


def test_copies_that_double_and_double_are_refused():
    operations = [{"op": "copy", "from": "/spec", "path": f"/spec/x{n}"} for n in range(40)]
    with pytest.raises(OversizedPatch, match="accumulated size increase of copy"):
        json_patch({"spec": {"field": "some text"}}, operations)


def test_copies_within_the_limit_are_made():
    operations = [{"op": "copy", "from": "/a", "path": "/list/-"}] * 20
    assert len(json_patch({"a": "x" * 1000, "list": []}, operations)["list"]) == 20
