import pytest

from kubehop.ends import parse_source, parse_target
from kubehop.testing.connection import ConnectionFailed, trace, why_not_blocked, why_not_reached
from netcore.model.errors import ConfigError, KubehopError
from tests.unit.kubehop.packetlines import ANSWERED, ARMED, REFUSED, SILENCE, at, dropped
from tests.unit.kubehop.testing.clusters import (
    DELIVERED,
    Api,
    lines,
    pod_path,
    running_pod,
)
from tests.unit.kubehop.tracelines import (
    CLIENT,
    SERVICE,
    answered,
    flow,
    hop,
    packet,
    received,
    sent,
)

PODS = {pod_path("web"): running_pod("web")}


def traced(*packet_lines, source="web", target="10.96.0.7:80", outside=()):
    api = Api(PODS, packet_lines)
    return trace(api, parse_source(source, "default"), parse_target(target, "default"), 5, outside)


def no_endpoint():
    ends = flow(CLIENT, SERVICE)
    hops = [hop("service", ends, ends, "the Service has no ready endpoint")]
    return packet("n1", "pod default/web", "TCP SYN", hops, "Reject", "port unreachable")


def test_an_answered_packet_got_there_and_is_not_blocked():
    found = traced(*DELIVERED)

    assert found.reached
    assert why_not_reached(found, "a", "b") == ""
    assert why_not_blocked(found, "a", "b", None).startswith("a reaches b: ")
    assert str(found).startswith("Trace 0badcafe: TCP SYN from pod default/web to 10.96.0.7:80")


def test_a_packet_that_a_policy_drops_is_blocked_by_it():
    found = traced(*lines(at(dropped(), 10), SILENCE))

    assert why_not_blocked(found, "a", "b", None) == ""
    assert why_not_blocked(found, "a", "b", "default/deny") == ""
    assert (
        why_not_blocked(found, "a", "b", "default/other")
        == "a -> b is blocked by default/deny, not by default/other"
    )
    why = why_not_reached(found, "a", "b")
    assert why.startswith("a does not reach b: the packet was dropped on n1 by egress policy")


@pytest.mark.parametrize(
    "packets",
    [
        (at(sent(), 10), at(received(), 20), at(answered(), 30), REFUSED),
        (at(no_endpoint(), 10), REFUSED),
        (at(sent(), 10), SILENCE),
        (SILENCE,),
    ],
    ids=["nobody listens", "no endpoint", "lost", "not seen"],
)
def test_what_no_policy_stops_is_neither_reached_nor_blocked(packets):
    found = traced(*lines(*packets))

    assert not found.reached
    for by in (None, "default/deny"):
        assert why_not_blocked(found, "a", "b", by).startswith("no policy blocks a -> b: ")


def test_nothing_sent_is_an_error_and_no_verdict():
    failed = {"type": "result", "exitCode": 1, "stdout": "", "stderr": "no program"}
    with pytest.raises(KubehopError, match="no program"):
        traced(ARMED, failed)


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("outside", "web:80", "only a cluster that runs on this machine"),
        ("nosuch", "web:80", "nosuch is not there"),
        ("10.0.0.1", "web:80", "an address sends nothing itself"),
        ("web", "svc/nosuch", "is not there"),
    ],
)
def test_ends_that_cannot_be(source, target, message):
    with pytest.raises(KubehopError, match=message):
        traced(*DELIVERED, source=source, target=target)


def test_clients_outside_send_by_the_command_of_the_cluster(monkeypatch):
    monkeypatch.setattr(
        "kubehop.kubernetes.packet_traces.send_outside",
        lambda client, to, timeout_s, outside: [*DELIVERED] if outside == ("out",) else [],
    )
    assert traced(source="outside", outside=("out",)).reached


def test_the_error_of_an_assertion_is_one():
    error = ConnectionFailed("no", "hops")
    assert isinstance(error, AssertionError)
    assert (str(error), error.trace, error.explanation) == ("no", "hops", "")
    assert not issubclass(ConfigError, AssertionError)
    assert ANSWERED["outcome"] == "answered"
