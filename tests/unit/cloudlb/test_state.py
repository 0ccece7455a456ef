"""What the cloud knows of the cluster."""

from cloudlb.state import CloudState
from netcore.model.change import Batch, Change
from netcore.model.namespace import Namespace
from tests.unit.cloudlb.objects import ingress, node, service


def batch(revision, *objects, deleted=(), **flags):
    changes = (*map(Change, objects), *(Change(each, deleted=True) for each in deleted))
    return Batch("e", revision, changes, **flags)


def synced():
    state = CloudState()
    state.apply(batch(5, node(1), service("a"), ingress("i"), reset=True, synced=True))
    return state


def test_nothing_is_seen_before_the_picture_is_whole():
    state = CloudState()
    state.apply(batch(0, node(1), reset=True))
    assert not state.nodes
    assert not state.synced
    assert not state.changed.is_set()
    assert state.resume_point == ("", 0)
    state.apply(batch(5, service("a"), Namespace("default"), synced=True))
    assert list(state.nodes) == ["n1"]
    assert list(state.services) == [("default", "a")]
    assert state.synced
    assert state.changed.is_set()
    assert state.resume_point == ("e", 5)


def test_changes_and_deletions():
    state = synced()
    state.changed.clear()
    state.apply(batch(6, node(2), deleted=[service("a"), service("unknown"), ingress("i")]))
    assert list(state.nodes) == ["n1", "n2"]
    assert not state.services
    assert not state.ingresses
    assert state.changed.is_set()
    assert state.resume_point == ("e", 6)


def test_a_new_picture_replaces_the_old_one_at_once():
    state = synced()
    state.apply(batch(0, node(7), reset=True))
    assert list(state.nodes) == ["n1"]
    assert state.resume_point == ("e", 5)
    state.apply(batch(9, synced=True))
    assert list(state.nodes) == ["n7"]
    assert not state.services


def test_half_a_picture_is_forgotten_when_the_stream_breaks():
    state = synced()
    state.apply(batch(0, node(7), reset=True))
    state.disconnected()
    state.apply(batch(6, node(2), synced=True))
    assert list(state.nodes) == ["n1", "n2"]
    fresh = CloudState()
    fresh.apply(batch(0, node(7), reset=True))
    fresh.disconnected()
    fresh.apply(batch(1, node(8), reset=True, synced=True))
    assert list(fresh.nodes) == ["n8"]
