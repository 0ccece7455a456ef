import pytest

from kubehop.tracing.names import Names
from kubehop.tracing.outcome import outcome
from kubehop.tracing.packet_trace import PacketTrace
from tests.unit.kubehop.packetlines import (
    ANSWERED,
    ARMED,
    REFUSED,
    RESOLVED,
    RESULT,
    SENDING,
    SILENCE,
    at,
    dropped,
    whole,
)
from tests.unit.kubehop.tracelines import (
    CLIENT,
    SERVER,
    answered,
    flow,
    hop,
    packet,
    received,
    sent,
)

NAMES = Names({"10.244.0.2": "pod web", "10.244.1.2": "pod db", "172.18.0.12": "node n2"})


def ended(*lines, protocol="TCP", live=False, failure=""):
    trace = PacketTrace.of([ARMED, *lines], "pod default/web", "backend:80", protocol)
    if live:
        from dataclasses import replace

        trace = replace(trace, live=True, failure=failure)
    found = outcome(trace, NAMES)
    assert "\n" not in found.sentence
    return found


def check(found, kind, code, *words):
    assert (found.kind, found.exit_code) == (kind, code)
    for word in words:
        assert word in found.sentence


def test_an_answer_is_delivery():
    found = ended(*whole())
    check(found, "Delivered", 0, "10.244.1.2:80 (pod db) answered with SYN-ACK after 2.5 ms")


def test_an_answer_that_no_node_saw_is_still_delivery():
    check(ended(SENDING, ANSWERED), "Delivered", 0, "no node's datapath")


def test_a_drop_names_node_stage_reason_and_rule():
    found = ended(SENDING, SILENCE, at(dropped(), 1))
    check(
        found,
        "Dropped",
        1,
        "on n1",
        "egress policy",
        "POLICY_DENIED",
        "[NetworkPolicy default/deny]",
    )


def test_a_packet_whose_sender_was_stopped_early_was_dropped_too():
    check(ended(SENDING, at(dropped(), 1)), "Dropped", 1, "POLICY_DENIED")


def test_a_rejection_tells_what_the_sender_was_told():
    found = ended(SENDING, REFUSED, at(dropped("Reject", "port unreachable"), 1))
    check(found, "Rejected", 1, "rejected on n1", "told at once: connection refused")


def test_an_answer_that_is_dropped_is_not_a_timeout():
    back = flow(SERVER, CLIENT)
    lost = packet("n2", "pod default/db", "TCP SYN,ACK", [hop("route", back, back)], "Drop", "X")
    found = ended(SENDING, SILENCE, at(sent(), 1), at(received(), 2), at(lost, 3))
    check(found, "Dropped", 1, "(pod db) got the packet, but its answer was dropped on n2")


def test_a_reset_is_told_from_a_closed_port():
    reset = {**answered(), "summary": "TCP RST,ACK 10.244.1.2:80 -> 10.244.0.2:40000, 40 bytes"}
    found = ended(SENDING, REFUSED, at(sent(), 1), at(received(), 2), at(reset, 3))
    check(found, "Rejected", 1, "a reset (RST)", "nothing listens at port 80")


def test_who_sent_an_icmp_error_is_told():
    unreachable = {**REFUSED, "outcome": "unreachable", "text": "No route to host"}
    check(ended(SENDING, {**unreachable, "sender": "10.244.1.2"}), "Rejected", 1, "from pod db")


def test_silence_says_how_far_the_packet_was_seen():
    check(ended(SENDING, SILENCE), "Unanswered", 1, "no node saw the packet")
    lost = ended(SENDING, SILENCE, at(sent(), 1))
    check(lost, "Unanswered", 1, "n1 sent the packet into the tunnel, but n2 did not see it")
    got = ended(SENDING, SILENCE, at(sent(), 1), at(received(), 2))
    check(got, "Unanswered", 1, "(pod db) got the packet; no answer within 5 s")


def test_udp_promises_no_answer():
    def udp(line):
        return {
            **line,
            "hops": [
                {
                    **found,
                    "before": {**found["before"], "protocol": "UDP"},
                    "after": {**found["after"], "protocol": "UDP"},
                }
                for found in line["hops"]
            ],
        }

    sending = {**SENDING, "protocol": "UDP"}
    lines = at(udp(sent()), 1), at(udp(received()), 2)
    check(ended(sending, SILENCE, *lines, protocol="UDP"), "Delivered", 0, "UDP does not promise")
    out = {**udp(sent()), "verdict": "ToHost", "verdictDetail": ""}
    found = ended(sending, SILENCE, at(out, 1), protocol="UDP")
    check(found, "Forwarded", 0, "left the datapath of n1")


def test_without_an_answer_from_outside_nothing_is_known():
    out = {**sent(), "verdict": "ToHost", "verdictDetail": ""}
    check(ended(SENDING, SILENCE, at(out, 1)), "Unanswered", 1, "left the datapath of n1")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            [
                {
                    **RESOLVED,
                    "addresses": [],
                    "questions": [{**RESOLVED["questions"][0], "rcode": "NXDOMAIN"}],
                }
            ],
            'no address is known for "backend" (backend.default.svc.cluster.local A: NXDOMAIN)',
        ),
        ([{**RESOLVED, "addresses": [], "questions": []}], "no DNS server is set"),
        (
            [SENDING, {**SILENCE, "outcome": "failed", "text": "nothing was sent: no route"}],
            "nothing was sent: no route",
        ),
        ([{**RESULT, "stderr": "exec: no such file\n"}], "nothing was sent: exec: no such file"),
        ([], "cut off"),
    ],
)
def test_nothing_sent_cannot_be_traced(lines, message):
    check(ended(*lines), "Failed", 2, message)


def test_a_live_flow_has_an_outcome_without_a_sender():
    live = {"live": True}
    check(ended(SENDING, at(sent(), 1), at(received(), 2), **live), "Delivered", 0, "pod db on n2")
    check(ended(SENDING, at(sent(), 1), **live), "Unanswered", 1, "n2 did not see it arrive")
    check(ended(SENDING, at(dropped(), 1), **live), "Dropped", 1, "POLICY_DENIED")
    out = {**sent(), "verdict": "ToHost", "verdictDetail": ""}
    check(ended(SENDING, at(out, 1), **live), "Forwarded", 0, "around n1")
    check(ended(failure="no packet was seen", **live), "Failed", 2, "no packet was seen")
