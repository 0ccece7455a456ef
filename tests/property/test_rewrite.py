"""Translation keeps every checksum right and can be taken back."""

from hypothesis import given
from hypothesis import strategies as st

from netcore.packet.checksum import (
    crc32c,
    internet_checksum,
    update_checksum,
    update_crc32c,
)
from netcore.packet.fragment import fragment_ipv4
from netcore.packet.ipv4 import parse_ipv4
from netcore.packet.packet import Packet, parse_packet
from netcore.packet.rewrite import Rewrite, apply_rewrite, rewrite_quoted
from tests.property.packets import ipv4, ipv6, u16, valid_frames
from tests.support.frames import icmp, udp, wrong_checksums


@st.composite
def frames_and_rewrites(draw: st.DrawFn) -> tuple[bytearray, Rewrite]:
    frame = draw(valid_frames())
    addresses = ipv4 if len(parse_packet(frame).src) == 4 else ipv6
    port = draw(st.none() | u16)
    is_echo = parse_packet(frame).icmp_type >= 0
    return frame, Rewrite(
        src=draw(st.none() | addresses),
        src_port=port,
        dst=draw(st.none() | addresses),
        dst_port=port if is_echo else draw(st.none() | u16),
        decrement_ttl=draw(st.booleans()),
    )


def expected(packet: Packet, rewrite: Rewrite) -> Packet:
    return packet._replace(
        src=packet.src if rewrite.src is None else rewrite.src,
        dst=packet.dst if rewrite.dst is None else rewrite.dst,
        src_port=packet.src_port if rewrite.src_port is None else rewrite.src_port,
        dst_port=packet.dst_port if rewrite.dst_port is None else rewrite.dst_port,
        ttl=packet.ttl - rewrite.decrement_ttl,
    )


def undoing(packet: Packet) -> Rewrite:
    return Rewrite(packet.src, packet.src_port, packet.dst, packet.dst_port, False)


@given(frames_and_rewrites())
def test_incremental_checksums_equal_full_ones(case):
    frame, rewrite = case
    packet = parse_packet(frame)
    apply_rewrite(frame, packet, rewrite)
    assert wrong_checksums(frame) == []
    assert parse_packet(frame) == expected(packet, rewrite)


@given(frames_and_rewrites())
def test_translation_and_its_reverse_restore_every_byte(case):
    frame, rewrite = case
    packet, before = parse_packet(frame), bytes(frame)
    there = Rewrite(rewrite.src, rewrite.src_port, rewrite.dst, rewrite.dst_port, False)
    apply_rewrite(frame, packet, there)
    apply_rewrite(frame, parse_packet(frame), undoing(packet))
    assert frame == before


@given(frames_and_rewrites(), st.integers(8, 200))
def test_quotes_are_rewritten_as_packets_are(case, quoted_bytes):
    sent, rewrite = case
    packet = parse_packet(sent)
    kind = 3 if len(packet.src) == 4 else 1
    l4 = packet.l4_offset - 14
    error = icmp(packet.dst, packet.src, kind, body=bytes(sent[14:])[: l4 + quoted_bytes])
    rewrite_quoted(error, parse_packet(error), rewrite)
    assert wrong_checksums(error) == []
    seen = parse_packet(error).quoted
    after = expected(packet, rewrite)
    assert seen == (after.protocol, after.src, after.dst, after.src_port, after.dst_port)
    if quoted_bytes >= len(sent) - packet.l4_offset:
        apply_rewrite(sent, packet, rewrite)
        start = parse_packet(error).l4_offset + 8
        assert error[start:] == sent[14:]


@given(st.binary(max_size=64), st.data())
def test_updated_checksum_equals_the_full_one(data, draw):
    words = len(data) // 2
    first = draw.draw(st.integers(0, words)) * 2
    last = draw.draw(st.integers(first // 2, words)) * 2
    if draw.draw(st.booleans()):
        last = len(data)
    new = draw.draw(st.binary(min_size=last - first, max_size=last - first))
    changed = data[:first] + new + data[last:]
    updated = update_checksum(internet_checksum(data), data[first:last], new)
    full = internet_checksum(changed)
    # Negative zero is the checksum of nothing but zeros, which an update cannot know.
    assert updated == (full if any(changed) else 0)


@given(st.binary(max_size=32), st.binary(max_size=32), st.data())
def test_updated_crc_equals_the_full_one(head, tail, draw):
    old = draw.draw(st.binary(max_size=8))
    new = draw.draw(st.binary(min_size=len(old), max_size=len(old)))
    updated = update_crc32c(crc32c(head + old + tail), old, new, len(tail))
    assert updated == crc32c(head + new + tail)


@given(st.binary(max_size=600), st.integers(68, 300))
def test_fragments_reassemble(data, mtu):
    frame = udp(data=data)
    whole = bytearray(len(frame) - 34)
    for fragment in fragment_ipv4(frame, parse_packet(frame), mtu):
        header, payload = parse_ipv4(memoryview(fragment)[14:])
        assert header.total_length <= mtu
        whole[header.fragment_offset : header.fragment_offset + len(payload)] = payload
    assert whole == frame[34:]
