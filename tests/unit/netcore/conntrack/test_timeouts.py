"""The states of a flow, packet by packet; timeouts are those of Linux."""

import pytest

from netcore.conntrack.timeouts import FlowState, initial_state, next_state
from netcore.packet.protocols import (
    PROTOCOL_ICMP,
    PROTOCOL_ICMPV6,
    PROTOCOL_SCTP,
    PROTOCOL_TCP,
    PROTOCOL_UDP,
    TCP_ACK,
    TCP_FIN,
    TCP_RST,
    TCP_SYN,
)

SYN_ACK, FIN_ACK = TCP_SYN | TCP_ACK, TCP_FIN | TCP_ACK


@pytest.mark.parametrize(
    ("protocol", "flags", "expected"),
    [
        (PROTOCOL_TCP, TCP_SYN, FlowState.SYN_SENT),
        (PROTOCOL_TCP, TCP_ACK, FlowState.PICKED_UP),
        (PROTOCOL_UDP, 0, FlowState.UDP_UNREPLIED),
        (PROTOCOL_ICMP, 0, FlowState.ICMP),
        (PROTOCOL_ICMPV6, 0, FlowState.ICMP),
        (PROTOCOL_SCTP, 0, FlowState.GENERIC),
        (47, 0, FlowState.GENERIC),
    ],
)
def test_a_first_packet_names_the_state(protocol, flags, expected):
    assert initial_state(protocol, flags) is expected


def follow(state: FlowState, *packets: tuple[str, int]) -> list[FlowState]:
    """The states after each packet: "->" original direction, "<-" reply."""
    seen = []
    for direction, flags in packets:
        state = next_state(state, PROTOCOL_TCP, flags, is_reply=direction == "<-")
        seen.append(state)
    return seen


def test_a_connection_from_handshake_to_its_end():
    assert follow(
        FlowState.SYN_SENT,
        ("<-", SYN_ACK),
        ("->", TCP_ACK),
        ("<-", TCP_ACK),
        ("->", FIN_ACK),
        ("<-", TCP_ACK),
        ("<-", FIN_ACK),
        ("->", TCP_ACK),
    ) == [
        FlowState.SYN_RECV,
        FlowState.ESTABLISHED,
        FlowState.ESTABLISHED,
        FlowState.FIN_WAIT,
        FlowState.FIN_WAIT,
        FlowState.TIME_WAIT,
        FlowState.TIME_WAIT,
    ]


def test_what_was_picked_up_is_established_once_it_is_answered():
    """Unanswered segments must not hold a place for days, nor keep others out."""
    assert not FlowState.PICKED_UP.is_assured
    assert follow(FlowState.PICKED_UP, ("->", TCP_ACK), ("<-", TCP_ACK), ("->", TCP_ACK)) == [
        FlowState.PICKED_UP,
        FlowState.ESTABLISHED,
        FlowState.ESTABLISHED,
    ]
    assert follow(FlowState.PICKED_UP, ("<-", FIN_ACK)) == [FlowState.FIN_WAIT]


def test_a_syn_that_is_sent_again_changes_nothing():
    assert follow(FlowState.SYN_SENT, ("->", TCP_SYN)) == [FlowState.SYN_SENT]
    assert follow(FlowState.ESTABLISHED, ("->", TCP_SYN)) == [FlowState.ESTABLISHED]


def test_a_syn_from_the_other_side_without_ack_changes_nothing():
    assert follow(FlowState.SYN_SENT, ("<-", TCP_SYN)) == [FlowState.SYN_SENT]


@pytest.mark.parametrize("state", [FlowState.SYN_SENT, FlowState.ESTABLISHED, FlowState.TIME_WAIT])
@pytest.mark.parametrize("direction", ["->", "<-"])
def test_a_reset_closes(state, direction):
    assert follow(state, (direction, TCP_RST | TCP_ACK)) == [FlowState.CLOSE]


def follow_udp(*directions: str) -> FlowState:
    state = initial_state(PROTOCOL_UDP, 0)
    for direction in directions:
        state = next_state(state, PROTOCOL_UDP, 0, is_reply=direction == "<-")
    return state


def test_udp_questions_and_their_answers_are_no_stream():
    assert follow_udp("->") is FlowState.UDP_UNREPLIED
    assert follow_udp("<-") is FlowState.UDP_REPLIED
    assert follow_udp("->", "<-", "<-") is FlowState.UDP_REPLIED  # A and AAAA by one socket


def test_udp_is_assured_once_it_goes_on_after_an_answer():
    assert follow_udp("<-", "->") is FlowState.UDP_STREAM
    assert follow_udp("<-", "->", "<-", "->") is FlowState.UDP_STREAM


def test_icmp_has_one_state():
    assert next_state(FlowState.ICMP, PROTOCOL_ICMP, 0, is_reply=True) is FlowState.ICMP


def test_the_timeouts_of_linux():
    assert {state.name: state.timeout_s for state in FlowState} == {
        "SYN_SENT": 120,
        "SYN_RECV": 60,
        "PICKED_UP": 300,
        "ESTABLISHED": 5 * 24 * 3600,
        "FIN_WAIT": 120,
        "TIME_WAIT": 120,
        "CLOSE": 10,
        "UDP_UNREPLIED": 30,
        "UDP_REPLIED": 30,
        "UDP_STREAM": 120,
        "ICMP": 30,
        "GENERIC": 600,
    }
