import socket
from pathlib import Path

from kubehop.local.launch import ADOPTED, LaunchEvent, LaunchOrder, Lifeline
from kubehop.local.spec import ClusterSpec, workers


def test_an_order_survives_the_command_line():
    order = LaunchOrder(ClusterSpec("one", workers("one", 2)), Path("/s/one"), 5)

    assert LaunchOrder.decode(order.encode()) == order
    assert order.paths.name == "one"


def test_events_arrive_until_the_supervisor_ends():
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            assert LaunchEvent("recorded").send(theirs.fileno())
            assert LaunchEvent("error", "a\nb").send(theirs.fileno())

        lifeline = Lifeline(ours)
        assert next(lifeline.events()) == LaunchEvent("recorded")
        assert list(lifeline.events()) == [LaunchEvent("error", "a\nb")]
        assert lifeline.seen == {"recorded", "error"}


def test_a_dead_command_is_noticed():
    ours, theirs = socket.socketpair()
    with theirs:
        ours.close()

        assert not LaunchEvent("cleaned").send(theirs.fileno())


def test_a_cluster_is_adopted_when_the_supervisor_has_heard_of_it():
    ours, theirs = socket.socketpair()
    with ours:
        lifeline = Lifeline(ours)
        with theirs:
            theirs.shutdown(socket.SHUT_WR)  # the end that the supervisor makes of it
            assert not lifeline.adopted

            lifeline.adopt()

            assert lifeline.adopted
            assert theirs.recv(100) == ADOPTED


def test_a_cluster_that_is_ended_is_not_adopted():
    ours, theirs = socket.socketpair()
    with ours:
        lifeline = Lifeline(ours)
        with theirs:
            theirs.shutdown(socket.SHUT_WR)
            lifeline.end(5.0)

            assert theirs.recv(100) == b""
            assert not lifeline.adopted
