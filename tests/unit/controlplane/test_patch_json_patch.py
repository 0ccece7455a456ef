import pytest

from controlplane.api.patch.errors import PatchError, UnprocessablePatch
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
