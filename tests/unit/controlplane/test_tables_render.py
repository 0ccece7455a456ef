from datetime import UTC, datetime

import pytest

from controlplane.api.catalog import RESOURCES
from controlplane.api.tables.registry import PRINTERS, printer
from controlplane.api.tables.render import to_table

NOW = datetime(2030, 1, 1, tzinfo=UTC)
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {}}


def test_a_table_with_rows():
    table = to_table(RESOURCES.by_name("pods"), [POD], list_meta={"resourceVersion": "7"}, now=NOW)
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    assert table["metadata"] == {"resourceVersion": "7"}
    names = [(c["name"], c["priority"]) for c in table["columnDefinitions"]]
    assert names[:6] == [
        ("Name", 0), ("Ready", 0), ("Status", 0), ("Restarts", 0), ("Age", 0), ("IP", 1),
    ]  # fmt: skip
    [row] = table["rows"]
    assert row["object"] == {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"name": "p"},
    }


def test_include_object_and_no_head():
    pods = RESOURCES.by_name("pods")
    assert to_table(pods, [POD], include_object="Object")["rows"][0]["object"] is POD
    assert "object" not in to_table(pods, [POD], include_object="None")["rows"][0]
    assert to_table(pods, [POD], headed=False)["columnDefinitions"] is None


def test_ended_pods_are_marked():
    done = {**POD, "status": {"phase": "Succeeded"}}
    [row] = to_table(RESOURCES.by_name("pods"), [done])["rows"]
    assert row["conditions"][0]["type"] == "Completed"


@pytest.mark.parametrize("resource", list(RESOURCES), ids=lambda r: r.qualified)
def test_every_kind_has_as_many_cells_as_columns_even_when_empty(resource):
    found = printer(resource.group, resource.kind)
    for obj in ({"metadata": {}}, {"metadata": {"name": "x"}, "spec": None, "status": {}}):
        assert len(found.cells(obj, NOW)) == len(found.columns)


def test_only_served_kinds_have_printers():
    assert {(r.group, r.kind) for r in RESOURCES} >= set(PRINTERS)


def test_other_kinds_show_name_and_creation():
    table = to_table(RESOURCES.by_name("limitranges"), [POD])
    assert [c["name"] for c in table["columnDefinitions"]] == ["Name", "Created At"]
