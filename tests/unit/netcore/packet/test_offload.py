"""What an offload header may say of a frame."""

import pytest

from netcore.model.errors import BadHeader
from netcore.packet.offload import (
    NEEDS_CHECKSUM,
    SEGMENT_TCPV4,
    SEGMENT_TCPV6,
    SEGMENT_UDP,
    OffloadHeader,
    with_offload,
)
from netcore.packet.packet import parse_packet
from tests.support.frames import PEER, PEER6, POD, POD6, echo, fragments, tcp, udp


def told(frame: bytes, header: OffloadHeader):
    return with_offload(parse_packet(frame), frame, header)


@pytest.mark.parametrize(
    ("frame", "header", "largest"),
    [
        (tcp(data=bytes(5000)), OffloadHeader(1, SEGMENT_TCPV4, 54, 1000, 34, 16), 1040),
        (tcp(data=bytes(5000)), OffloadHeader(1, SEGMENT_TCPV4 | 0x80, 54, 1000, 34, 16), 1040),
        (
            tcp(POD6, PEER6, data=bytes(5000)),
            OffloadHeader(1, SEGMENT_TCPV6, 74, 1000, 54, 16),
            1060,
        ),
        (udp(data=bytes(5000)), OffloadHeader(1, SEGMENT_UDP, 42, 1000, 34, 6), 1028),
    ],
)
def test_a_super_packet_is_as_large_as_its_segments(frame, header, largest):
    packet = told(frame, header)
    assert packet.checksum_partial
    assert (packet.segment_bytes, packet.wire_bytes) == (largest, largest)


@pytest.mark.parametrize(
    ("frame", "header"),
    [
        (tcp(), OffloadHeader(0, SEGMENT_TCPV4, 54, 1000, 34, 16)),
        (tcp(), OffloadHeader(1, SEGMENT_TCPV4, 54, 0, 34, 16)),
        (tcp(), OffloadHeader(1, SEGMENT_TCPV6, 54, 1000, 34, 16)),
        (tcp(), OffloadHeader(1, SEGMENT_UDP, 54, 1000, 34, 16)),
        (tcp(), OffloadHeader(1, SEGMENT_TCPV4, 54, 1000, 34, 6)),
        (udp(), OffloadHeader(1, SEGMENT_TCPV4, 42, 1000, 34, 6)),
        (tcp(), OffloadHeader(1, 0, 0, 0, 10, 16)),
        (tcp(), OffloadHeader(1, 0, 0, 0, 34, 60_000)),
        (tcp(), OffloadHeader(1, 0, 0, 0, 34, 15)),
        (echo(POD, PEER, 7), OffloadHeader(1, SEGMENT_TCPV4, 42, 100, 34, 2)),
    ],
)
def test_contradictions_are_refused(frame, header):
    with pytest.raises(BadHeader):
        told(frame, header)


@pytest.mark.parametrize(
    "frame", [echo(POD, PEER, 7), fragments(udp(data=bytes(3000)), 1400)[0], tcp()]
)
def test_a_checksum_of_something_inside_is_not_the_packets_own(frame):
    """A pod may have a tunnel of its own: its inner checksum is open, the packet's is not."""
    packet = told(frame, OffloadHeader(NEEDS_CHECKSUM, 0, 0, 0, 36, 2))
    assert not packet.checksum_partial
    assert packet.wire_bytes == packet.ip_length
