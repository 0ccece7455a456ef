from coredns_emu.state import ClusterState
from netcore.model.change import Batch, Change
from netcore.model.namespace import Namespace

ONE, TWO = Change(Namespace("one")), Change(Namespace("two"))


def state() -> ClusterState:
    return ClusterState(lambda: 1234.9)


def names(cluster: ClusterState) -> set[str]:
    return {name for name in ("one", "two") if cluster.index.has_namespace(name.encode())}


def test_nothing_is_known_before_the_snapshot_is_whole():
    cluster = state()
    cluster.apply(Batch("e", 5, (ONE,), reset=True))
    assert (names(cluster), cluster.synced, cluster.serial) == (set(), False, 0)
    assert cluster.resume_point == ("", 0)
    cluster.apply(Batch("e", 6, (TWO,), synced=True))
    assert (names(cluster), cluster.synced, cluster.serial) == ({"one", "two"}, True, 1234)
    assert cluster.resume_point == ("e", 6)


def test_changes_after_that_show_at_once():
    cluster = state()
    cluster.apply(Batch("e", 5, (ONE,), reset=True, synced=True))
    cluster.apply(Batch("e", 6, (TWO,)))
    assert names(cluster) == {"one", "two"}
    assert cluster.resume_point == ("e", 6)


def test_the_old_state_answers_while_a_new_one_is_gathered():
    cluster = state()
    cluster.apply(Batch("e", 5, (ONE,), reset=True, synced=True))
    cluster.apply(Batch("f", 1, (TWO,), reset=True))
    assert names(cluster) == {"one"}
    assert cluster.resume_point == ("e", 5)
    cluster.apply(Batch("f", 2, synced=True))
    assert names(cluster) == {"two"}
    assert cluster.resume_point == ("f", 2)


def test_a_half_gathered_state_is_dropped_with_the_connection():
    cluster = state()
    cluster.apply(Batch("e", 5, (ONE,), reset=True, synced=True))
    cluster.apply(Batch("f", 1, (TWO,), reset=True))
    cluster.disconnected()
    cluster.apply(Batch("e", 6, synced=True))
    assert names(cluster) == {"one"}


def test_a_first_snapshot_that_broke_off_starts_over():
    cluster = state()
    cluster.apply(Batch("e", 5, (ONE,)))
    cluster.disconnected()
    cluster.apply(Batch("e", 5, (TWO,), synced=True))
    assert names(cluster) == {"two"}


def test_a_batch_without_changes_keeps_the_serial():
    cluster = state()
    cluster.apply(Batch("e", 5, reset=True, synced=True))
    assert (cluster.serial, cluster.synced) == (0, True)
