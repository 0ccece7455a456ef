"""ControllerRevisions as data."""

from controlplane.controllers.revisions import (
    by_number,
    find_equal,
    new_revision,
    next_number,
    surplus,
    template_of,
)
from tests.unit.controlplane.objects import stateful_set


def revision(name, number):
    return {"metadata": {"name": name}, "revision": number, "data": {"spec": {"template": {}}}}


def test_a_revision_is_a_patch_that_brings_the_template_back():
    db = stateful_set("db")
    made = new_revision(db, 2, "hash")
    assert made["metadata"]["name"] == f"db-{made['metadata']['labels']['hash']}"
    assert made["metadata"]["labels"]["app"] == "web"
    assert made["data"]["spec"]["template"]["$patch"] == "replace"
    assert template_of(made) == db["spec"]["template"]
    assert made["revision"] == 2


def test_a_collision_changes_the_name_only():
    db = stateful_set("db")
    one = new_revision(db, 1, "hash")
    db["status"]["collisionCount"] = 1
    two = new_revision(db, 1, "hash")
    assert one["metadata"]["name"] != two["metadata"]["name"]
    assert find_equal([one], template_of(two)) == [one]


def test_numbers_rise():
    assert next_number([]) == 1
    assert next_number([revision("b", 4), revision("a", 2)]) == 5
    assert [r["revision"] for r in by_number([revision("b", 4), revision("a", 2)])] == [2, 4]


def test_the_oldest_idle_ones_go():
    known = [revision(name, number) for number, name in enumerate("abcd")]
    assert [r["metadata"]["name"] for r in surplus(known, {"a"}, 1)] == ["b", "c"]
    assert surplus(known, {"a", "b", "c", "d"}, 0) == []
