"""Super-packets are cut into what a network would carry, and come together again unchanged."""

from hypothesis import given, settings
from hypothesis import strategies as st

from netcore.model.errors import BadHeader
from netcore.packet.coalesce import coalesce
from netcore.packet.offload import (
    NO_OFFLOAD,
    OFFLOAD_HEADER_BYTES,
    OffloadHeader,
    complete_checksum,
    parse_offload,
    segment_header_bytes,
    with_offload,
)
from netcore.packet.packet import parse_packet
from netcore.packet.protocols import PROTOCOL_TCP, TCP_ACK, TCP_FIN, TCP_PSH
from netcore.packet.rewrite import apply_rewrite
from netcore.packet.segment import MAX_BYTES, MAX_ROWS, Segmenter
from tests.property.test_rewrite import frames_and_rewrites
from tests.support.frames import PEER, PEER6, POD, POD6, tcp, udp, wrong_checksums
from tests.support.superpackets import left_open

PREFIX = b"\x08\0\0\0\0\0\1\0"
OPTIONS = (b"", b"\1\1\x08\x0a" + bytes(8))
ends = st.sampled_from([(POD, PEER), (POD6, PEER6)])
payloads = st.integers(1, 6000).map(lambda size: bytes(at * 7 & 0xFF for at in range(size)))


@st.composite
def tcp_frames(draw: st.DrawFn, flags: int = TCP_ACK | TCP_PSH) -> bytearray:
    src, dst = draw(ends)
    return tcp(
        src,
        dst,
        data=draw(payloads),
        flags=flags,
        sequence=draw(st.sampled_from([0, 1, 0xFFFFFFFF - 700, 0x80000000])),
        acknowledgment=5,
        options=draw(st.sampled_from(OPTIONS)),
    )


@st.composite
def udp_frames(draw: st.DrawFn) -> bytearray:
    src, dst = draw(ends)
    return udp(src, dst, data=draw(payloads))


def cut(frame: bytearray, size: int) -> list[tuple[bytes, int]]:
    """Batches, each with the width of its frames, prefixes included."""
    opened, header = left_open(frame, size)
    protocol = parse_packet(frame).protocol
    segmenter = Segmenter(PREFIX)
    batches = segmenter.cut(memoryview(opened), header.checksum_start, protocol, size)
    return [(bytes(batch), width) for batch, width in batches]


def frames_of(batches: list[tuple[bytes, int]]) -> list[bytes]:
    found = []
    for batch, width in batches:
        for at in range(0, len(batch), width):
            assert batch[at : at + len(PREFIX)] == PREFIX
            found.append(batch[at + len(PREFIX) : at + width])
    return found


def payload_of(frame: bytes) -> bytes:
    packet = parse_packet(frame)
    return bytes(frame[segment_header_bytes(packet, frame) :])


@given(tcp_frames() | udp_frames(), st.integers(1, 1500))
@settings(deadline=None)
def test_segments_are_standard_packets_that_carry_the_same_bytes(frame, size):
    batches = cut(frame, size)
    assert all(len(batch) <= min(MAX_BYTES, MAX_ROWS * width) for batch, width in batches)
    parts = frames_of(batches)
    assert b"".join(map(payload_of, parts)) == payload_of(frame)
    assert [len(payload_of(part)) for part in parts[:-1]] == [size] * (len(parts) - 1)
    for part in parts:
        assert wrong_checksums(part) == []
        packet = parse_packet(part)
        assert packet.l3_offset + packet.ip_length == len(part)
        assert packet[:8] == parse_packet(frame)[:8]


@given(tcp_frames(flags=TCP_ACK | TCP_PSH | TCP_FIN), st.integers(1, 1500))
@settings(deadline=None)
def test_tcp_counts_on_and_its_last_segment_alone_ends(frame, size):
    parts = frames_of(cut(frame, size))
    l4 = parse_packet(frame).l4_offset
    first = int.from_bytes(frame[l4 + 4 : l4 + 8], "big")
    for number, part in enumerate(parts):
        sequence = int.from_bytes(part[l4 + 4 : l4 + 8], "big")
        assert sequence == (first + number * size) % 2**32
        last = number == len(parts) - 1
        assert part[l4 + 13] == (frame[l4 + 13] if last else TCP_ACK)
    if len(parse_packet(frame).src) == 4:
        identifications = {part[18:20] for part in parts}
        assert len(identifications) == min(len(parts), 0x10000)


@given(tcp_frames(), st.integers(100, 1500))
@settings(deadline=None)
def test_what_was_cut_comes_together_again(frame, size):
    opened, header = left_open(frame, size)
    out = memoryview(bytearray(70_000))
    for batch, width in cut(frame, size):
        count = coalesce(batch, len(PREFIX), width, out)
        if len(batch) <= width:
            assert count == 0
            continue
        if len(payload_of(frame)) <= MAX_ROWS * size:
            assert parse_offload(out) == header
            assert out[OFFLOAD_HEADER_BYTES:count] == opened


@given(tcp_frames(), st.integers(100, 1500), st.data())
@settings(deadline=None)
def test_a_batch_with_one_wrong_byte_is_no_run(frame, size, data):
    for batch, width in cut(frame, size):
        broken = bytearray(batch)
        at = data.draw(st.integers(0, len(batch) - 1))
        before = broken[at]
        broken[at] ^= data.draw(st.integers(1, 255))
        out = memoryview(bytearray(70_000))
        count = coalesce(broken, len(PREFIX), width, out)
        # The Ethernet header has no checksum: equal in all frames it may be anything.
        assert count == 0, (at, before, broken[at])


@given(st.binary(max_size=3000), st.integers(1, 1600))
def test_nonsense_is_no_run(batch, width):
    coalesce(batch, 8, width, memoryview(bytearray(70_000)))


@given(frames_and_rewrites())
def test_a_partial_checksum_is_right_after_rewriting_and_completing(case):
    frame, rewrite = case
    packet = parse_packet(frame)
    if packet.protocol not in (PROTOCOL_TCP, 17) or packet.fragment_offset or packet.more_fragments:
        return
    opened, header = left_open(frame)
    packet = with_offload(packet, opened, header)
    assert packet.checksum_partial
    apply_rewrite(opened, packet, rewrite)
    end = packet.l3_offset + packet.ip_length
    complete_checksum(memoryview(opened), header.checksum_start, header.checksum_offset, end)
    assert wrong_checksums(opened) == []


@given(
    tcp_frames() | udp_frames(),
    st.builds(
        OffloadHeader,
        *(st.integers(0, 255) for _ in range(2)),
        *(st.integers(0, 0xFFFF) for _ in range(4)),
    ),
)
def test_any_header_is_believed_or_refused(frame, header):
    packet = parse_packet(frame)
    assert parse_offload(header.encode()) == header
    try:
        found = with_offload(packet, frame, header)
    except BadHeader:
        return
    assert found._replace(segment_bytes=0, checksum_partial=False) == packet
    assert found.wire_bytes >= 40 or not found.segment_bytes


def test_an_ordinary_frame_has_an_empty_header():
    assert OffloadHeader().encode() == NO_OFFLOAD
