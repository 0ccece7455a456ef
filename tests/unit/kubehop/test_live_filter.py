import pytest

from kubehop.tracing.live import LiveFilter
from tests.unit.kubehop.packetlines import at, dropped
from tests.unit.kubehop.tracelines import CLIENT, SERVICE, flow, hop, packet, sent

WANTED = LiveFilter(frozenset({CLIENT[0]}), frozenset({SERVICE[0]}), 80, "TCP")


def test_the_flow_that_was_asked_for():
    assert WANTED.flow_of(at(sent(), 1)) == flow(CLIENT, SERVICE)


@pytest.mark.parametrize(
    "other",
    [
        LiveFilter(frozenset({"10.9.9.9"}), frozenset({SERVICE[0]})),
        LiveFilter(frozenset({CLIENT[0]}), frozenset({"10.9.9.9"})),
        LiveFilter(frozenset({CLIENT[0]}), frozenset({SERVICE[0]}), 81),
        LiveFilter(frozenset({CLIENT[0]}), frozenset({SERVICE[0]}), 80, "UDP"),
        LiveFilter(frozenset({CLIENT[0]}), frozenset({SERVICE[0]}), dropped_only=True),
    ],
)
def test_others_are_not(other):
    assert other.flow_of(at(sent(), 1)) is None


def test_dropped_only_waits_for_what_is_stopped():
    stopped = LiveFilter(frozenset({CLIENT[0]}), frozenset({SERVICE[0]}), dropped_only=True)
    assert stopped.flow_of(at(dropped(), 1)) is not None
    assert stopped.flow_of({"type": "warning", "node": "n", "message": "m"}) is None


def test_a_client_outside_is_nobody_who_is_known():
    ends = flow(("172.18.0.1", 5), SERVICE)
    line = at(packet("n1", "host", "TCP SYN", [hop("route", ends, ends)], "Drop", "X"), 1)
    outside = LiveFilter(frozenset(), frozenset({SERVICE[0]}), known=frozenset({"10.244.0.2"}))
    assert outside.flow_of(line) == ends
    assert outside.flow_of(at(sent(), 1)) is None
