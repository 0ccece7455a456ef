"""What is, and what is not, one run of TCP segments."""

import pytest

from netcore.packet.coalesce import coalesce
from netcore.packet.offload import OFFLOAD_HEADER_BYTES, OffloadHeader, parse_offload
from netcore.packet.packet import parse_packet
from netcore.packet.protocols import TCP_ACK, TCP_FIN, TCP_PSH, TCP_SYN, TCP_URG
from tests.support.frames import PEER, PEER6, POD, POD6, fragment, ip, tcp, udp, wrong_checksums

PREFIX = b"\x08\0\0\0\0\0\1\0"
SIZE = 100
OUT = memoryview(bytearray(70_000))


def segment(number: int, size: int = SIZE, **fields) -> bytes:
    src, dst = fields.pop("ends", (POD, PEER))
    fields = {"flags": TCP_ACK, "sequence": number * SIZE, "acknowledgment": 1, **fields}
    return bytes(tcp(src, dst, data=bytes([number & 255]) * size, **fields))


def joined(frames: list[bytes], prefix: bytes = PREFIX) -> int:
    return coalesce(b"".join(prefix + f for f in frames), 8, 8 + len(frames[0]), OUT)


@pytest.mark.parametrize("ends", [(POD, PEER), (POD6, PEER6)])
@pytest.mark.parametrize("tail", [SIZE, 7])
@pytest.mark.parametrize("flags", [TCP_ACK, TCP_ACK | TCP_PSH, TCP_ACK | TCP_FIN])
def test_a_run(ends, tail, flags):
    frames = [segment(n, ends=ends) for n in range(4)]
    count = joined([*frames, segment(4, tail, ends=ends, flags=flags)])
    packet = parse_packet(OUT[OFFLOAD_HEADER_BYTES:count])
    header = packet.l4_offset + 20
    assert parse_offload(OUT) == OffloadHeader(
        1, 1 if ends[0] == POD else 4, header, SIZE, packet.l4_offset, 16
    )
    assert packet.tcp_flags == flags
    assert packet.ip_length == header - 14 + 4 * SIZE + tail
    payload = bytes(OUT[OFFLOAD_HEADER_BYTES + header : count])
    assert payload == b"".join(bytes([n]) * SIZE for n in range(4)) + bytes([4]) * tail


FIRST = [segment(0), segment(1)]


@pytest.mark.parametrize(
    "frames",
    [
        [segment(0)],
        [segment(0, flags=TCP_ACK | TCP_SYN), segment(1)],
        [segment(0, flags=TCP_ACK | TCP_URG), segment(1)],
        [segment(0), segment(1, flags=TCP_ACK | TCP_FIN), segment(2)],
        [segment(0), segment(2)],
        [segment(1), segment(0)],
        [segment(0), segment(1, sport=4)],
        [segment(0), segment(1, acknowledgment=2)],
        [segment(0), segment(1, ends=(PEER, POD))],
        [segment(0), segment(1, ttl=9)],
        [segment(n) for n in range(660)],
        [*FIRST, segment(3, 7)],
        [*FIRST, segment(2, 7, flags=TCP_ACK | TCP_SYN)],
        [*FIRST, segment(2, 7, sport=4)],
        [*FIRST, segment(2, 7, ttl=9)],
        [*FIRST, segment(2, 7)[:-1]],
        [*FIRST, segment(2, 0)],
        [bytes(udp(data=bytes(SIZE)))] * 2,
        [bytes(ip(POD, PEER, 47, bytes(SIZE)))] * 2,
        [bytes(fragment(POD, PEER, 6, segment(0)[34:], 0, more=True))] * 2,
        [segment(0, 0)] * 2,
        [bytes(20)] * 3,
        [b"\xff" * 80] * 3,
    ],
)
def test_no_run(frames):
    assert joined(frames) == 0


def damaged(frame: bytes, at: int) -> bytes:
    broken = bytearray(frame)
    broken[at] ^= 1
    assert wrong_checksums(broken) or at < 14
    return bytes(broken)


@pytest.mark.parametrize("at", [10, 24, 50, 80])
@pytest.mark.parametrize("tail", [SIZE, 7])
@pytest.mark.parametrize("which", [0, 2])
def test_damage_is_never_hidden(at, tail, which):
    if which == 2 and at == 80 and tail == 7:
        at = 58
    frames = [*FIRST, segment(2, tail)]
    frames[which] = damaged(frames[which], at)
    assert joined(frames) == 0


def test_segments_of_different_networks_stay_apart():
    assert joined(FIRST, PREFIX) > 0
    for frames in (FIRST, [segment(0), segment(1, 7)]):
        mixed = PREFIX + frames[0] + b"\x08\0\0\0\0\0\2\0" + frames[1]
        assert coalesce(mixed, 8, 8 + len(frames[0]), OUT) == 0
