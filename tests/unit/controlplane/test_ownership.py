"""Who owns whom."""

from controlplane.controllers.ownership import FOREGROUND, ORPHAN, Ownership


def obj(name, *owners, finalizers=(), deleted=False, block=True):
    metadata = {"name": name, "namespace": "d", "uid": name, "finalizers": list(finalizers)}
    if owners:
        metadata["ownerReferences"] = [
            {"uid": owner, "name": owner, "kind": "K", "apiVersion": "v1",
             "blockOwnerDeletion": block} for owner in owners
        ]  # fmt: skip
    if deleted:
        metadata["deletionTimestamp"] = "2030-01-01T00:00:00Z"
    return {"metadata": metadata}


def names(items):
    return [item.name for item in items]


def test_children_of_the_dead_need_a_look():
    graph = Ownership()
    assert graph.put("r", obj("owner")) == []
    assert graph.put("r", obj("child", "owner")) == []
    assert names(graph.remove("owner")) == ["child"]


def test_a_child_of_nobody_needs_a_look_at_once():
    assert names(Ownership().put("r", obj("child", "absent"))) == ["child"]


def test_a_foreground_deletion_waits_for_blocking_children():
    graph = Ownership()
    graph.put("r", obj("owner"))
    graph.put("r", obj("child", "owner"))
    graph.put("r", obj("guest", "owner", block=False))
    work = graph.put("r", obj("owner", finalizers=[FOREGROUND], deleted=True))
    assert names(work) == ["owner", "child", "guest"]
    assert graph.waits_for_dependents("owner")
    assert names(graph.blocking("owner")) == ["child"]
    assert names(graph.remove("child")) == ["owner"]
    assert graph.blocking("owner") == []


def test_an_orphan_deletion_concerns_only_the_owner():
    graph = Ownership()
    graph.put("r", obj("child", "owner"))
    assert names(graph.put("r", obj("owner", finalizers=[ORPHAN], deleted=True))) == ["owner"]


def test_released_children_are_nobodys():
    graph = Ownership()
    graph.put("r", obj("owner"))
    graph.put("r", obj("child", "owner"))
    graph.put("r", obj("child"))
    assert graph.remove("owner") == []
    assert graph.remove("unknown") == []
