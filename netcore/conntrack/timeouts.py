"""How long a flow is remembered, in seconds.

The values are the defaults of Linux: net/netfilter/nf_conntrack_proto_tcp.c, _udp.c, _icmp.c.
"""

from enum import Enum

from netcore.packet.protocols import (
    PROTOCOL_ICMP,
    PROTOCOL_ICMPV6,
    PROTOCOL_TCP,
    PROTOCOL_UDP,
    TCP_ACK,
    TCP_FIN,
    TCP_RST,
    TCP_SYN,
)


class FlowState(Enum):
    """What conntrack has seen of a flow; the value is its timeout in seconds."""

    def __init__(self, label: str, timeout_s: float) -> None:
        self.label = label
        self.timeout_s = timeout_s
        self.is_assured = label in ("ESTABLISHED", "ASSURED")
        """A flow like this never gives way when the table is full. Linux also calls a flow
        assured that is being closed, but gives its place away too, as it does here
        (tcp_can_early_drop)."""

    SYN_SENT = ("SYN_SENT", 120.0)
    SYN_RECV = ("SYN_RECV", 60.0)
    PICKED_UP = ("PICKED_UP", 300.0)
    ESTABLISHED = ("ESTABLISHED", 432_000.0)
    FIN_WAIT = ("FIN_WAIT", 120.0)
    TIME_WAIT = ("TIME_WAIT", 120.0)
    CLOSE = ("CLOSE", 10.0)
    UDP_UNREPLIED = ("UNREPLIED", 30.0)
    UDP_REPLIED = ("REPLIED", 30.0)
    UDP_STREAM = ("ASSURED", 120.0)
    ICMP = ("ICMP", 30.0)
    GENERIC = ("GENERIC", 600.0)


def initial_state(protocol: int, tcp_flags: int) -> FlowState:
    """The state of a flow whose first packet, which is no TCP reset, has just been seen.

    TCP without SYN is picked up in the middle, as with nf_conntrack_tcp_loose=1. It is established
    only once it is answered: else a flood of such segments would fill the table for days.
    """
    if protocol == PROTOCOL_TCP:
        return FlowState.SYN_SENT if tcp_flags & TCP_SYN else FlowState.PICKED_UP
    if protocol == PROTOCOL_UDP:
        return FlowState.UDP_UNREPLIED
    if protocol in (PROTOCOL_ICMP, PROTOCOL_ICMPV6):
        return FlowState.ICMP
    return FlowState.GENERIC


def next_state(state: FlowState, protocol: int, tcp_flags: int, *, is_reply: bool) -> FlowState:
    """The state after one more packet in the given direction."""
    if protocol == PROTOCOL_TCP:
        return _next_tcp_state(state, tcp_flags, is_reply=is_reply)
    if protocol == PROTOCOL_UDP:
        return _next_udp_state(state, is_reply=is_reply)
    return state


def _next_udp_state(state: FlowState, *, is_reply: bool) -> FlowState:
    """A question and its answers are no stream yet: with a stream's timeout, a node's few
    masqueraded ports would be held by DNS queries that are long answered.
    """
    if state is FlowState.UDP_UNREPLIED and is_reply:
        return FlowState.UDP_REPLIED
    if state is FlowState.UDP_REPLIED and not is_reply:
        return FlowState.UDP_STREAM
    return state


def _next_tcp_state(state: FlowState, flags: int, *, is_reply: bool) -> FlowState:
    if flags & TCP_RST:
        return FlowState.CLOSE
    if flags & TCP_SYN:
        if not is_reply:
            return state  # sent again
        return FlowState.SYN_RECV if flags & TCP_ACK else state
    if flags & TCP_FIN:
        return FlowState.TIME_WAIT if state is FlowState.FIN_WAIT else FlowState.FIN_WAIT
    if state in (FlowState.SYN_SENT, FlowState.SYN_RECV):
        return FlowState.ESTABLISHED
    if state is FlowState.PICKED_UP and is_reply:
        return FlowState.ESTABLISHED
    return state
