import pytest

from controlplane.api.patch.managedfields import (
    ANCIENT,
    MAX_UPDATERS,
    Writer,
    decode_owners,
    manager_name,
    track_update,
)
from tests.support.definitions import schema

CONFIG_MAP = schema("core.v1.ConfigMap")


def writer(manager, now="2030-01-01T00:00:00Z", subresource=""):
    return Writer(manager, "v1", now, subresource)


def config_map(**data):
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c", "namespace": "n", "uid": "u", "resourceVersion": "1"},
        "data": data,
    }


def update(live, new, by):
    fields = (live or {}).get("metadata", {}).get("managedFields")
    if fields:
        new = {**new, "metadata": {**new["metadata"], "managedFields": fields}}
    return track_update(live, new, CONFIG_MAP, by)


def owned(obj):
    return {
        entry["manager"]: sorted(name for name in entry["fieldsV1"].get("f:data", {}))
        for entry in obj["metadata"]["managedFields"]
    }


def test_a_create_owns_all_but_identity():
    created = update(None, config_map(a="1"), writer("kubectl-create"))
    assert created["metadata"]["managedFields"] == [
        {
            "manager": "kubectl-create",
            "operation": "Update",
            "apiVersion": "v1",
            "time": "2030-01-01T00:00:00Z",
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:data": {".": {}, "f:a": {}}},
        }
    ]


def test_who_changes_a_field_takes_it():
    created = update(None, config_map(a="1", b="2"), writer("one"))
    changed = update(created, config_map(a="9", b="2"), writer("two"))
    assert owned(changed) == {"one": [".", "f:b"], "two": ["f:a"]}


def test_what_is_removed_belongs_to_nobody():
    created = update(None, config_map(a="1", b="2"), writer("one"))
    assert owned(update(created, config_map(b="2"), writer("two"))) == {"one": [".", "f:b"]}


def test_nothing_changed_leaves_the_time():
    created = update(None, config_map(a="1"), writer("one"))
    later = writer("one", now="2031-01-01T00:00:00Z")
    assert update(created, config_map(a="1"), later) == created
    more = update(created, config_map(a="1", b="1"), later)
    assert more["metadata"]["managedFields"][0]["time"] == "2031-01-01T00:00:00Z"


def test_subresources_are_other_entries():
    created = update(None, config_map(a="1"), writer("one"))
    changed = update(created, config_map(a="2"), writer("one", subresource="status"))
    entries = changed["metadata"]["managedFields"]
    assert [entry.get("subresource") for entry in entries] == [None, "status"]


def test_the_status_belongs_to_who_writes_it_through_its_subresource():
    live = {"metadata": {"name": "p"}}
    new = {**live, "status": {"phase": "Running"}}
    pods = schema("core.v1.Pod")
    assert "managedFields" not in track_update(live, new, pods, writer("one"))["metadata"]
    written = track_update(live, new, pods, writer("kubelet", subresource="status"))
    [entry] = written["metadata"]["managedFields"]
    assert entry["fieldsV1"] == {"f:status": {"f:phase": {}}}


def test_a_client_may_edit_or_reset_the_entries():
    created = update(None, config_map(a="1"), writer("one"))
    reset = config_map(a="1")
    reset["metadata"]["managedFields"] = [{}]
    assert "managedFields" not in track_update(created, reset, CONFIG_MAP, writer("x"))["metadata"]
    broken = config_map(a="1")
    broken["metadata"]["managedFields"] = [{"operation": "Nope"}]
    assert track_update(created, broken, CONFIG_MAP, writer("x")) == created


def test_many_updaters_become_ancient_changes():
    obj = update(None, config_map(), writer("creator"))
    for index in range(MAX_UPDATERS + 5):
        data = {**obj.get("data", {}), f"k{index:02}": "v"}
        by = writer(f"m{index:02}", f"2030-01-01T00:00:{index:02}Z")
        obj = update(obj, config_map(**data), by)
    entries = obj["metadata"]["managedFields"]
    assert len(entries) == MAX_UPDATERS
    assert ANCIENT in {entry["manager"] for entry in entries}
    names = [name for fields in owned(obj).values() for name in fields if name != "."]
    assert sorted(names) == [f"f:k{index:02}" for index in range(MAX_UPDATERS + 5)]


def test_the_name_of_a_manager():
    assert manager_name("mine", "kubectl/v1.33") == "mine"
    assert manager_name(None, "kubectl/v1.33 (linux)") == "kubectl"
    assert manager_name("", "") == "unknown"
    assert len(manager_name("x" * 500, "")) == 128


def test_malformed_entries_are_refused():
    with pytest.raises(ValueError, match="operation"):
        decode_owners({"metadata": {"managedFields": [{"manager": "x"}]}})
