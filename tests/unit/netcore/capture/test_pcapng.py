import shutil
import struct

import pytest

from netcore.capture.pcapng import (
    CapturedPacket,
    enhanced_packet,
    interface_description,
    interface_statistics,
    section_header,
)
from tests.support.captures import tcpdump_times, tshark
from tests.support.frames import tcp, udp

TIME_NS = 1_700_000_000_123_456_789


def options(data: bytes) -> dict[int, bytes]:
    found = {}
    while True:
        code, size = struct.unpack_from("<HH", data)
        if code == 0:
            assert data == b"\0\0\0\0"
            return found
        found[code] = data[4 : 4 + size]
        data = data[4 + size + -size % 4 :]


def body(block: bytes, kind: int) -> bytes:
    """What is between a block's lengths, which have to agree."""
    assert struct.unpack_from("<II", block) == (kind, len(block))
    assert struct.unpack_from("<I", block, len(block) - 4) == (len(block),)
    assert len(block) % 4 == 0
    return block[8:-4]


def test_a_section_says_its_byte_order_and_who_wrote_it():
    found = body(section_header("kubehop 1"), 0x0A0D0D0A)
    assert struct.unpack_from("<IHHq", found) == (0x1A2B3C4D, 1, 0, -1)
    assert options(found[16:]) == {4: b"kubehop 1"}


def test_an_interface_is_ethernet_in_nanoseconds():
    found = body(
        interface_description("pod/a", "eth0", snap_bytes=96, capture_filter="tcp port 80"), 1
    )
    assert struct.unpack_from("<HHI", found) == (1, 0, 96)
    assert options(found[8:]) == {2: b"pod/a", 3: b"eth0", 9: b"\x09", 11: b"\0tcp port 80"}


@pytest.mark.parametrize(("inbound", "flags"), [(True, 1), (False, 2)])
def test_a_packet_has_time_length_direction_and_comment(inbound, flags):
    packet = CapturedPacket(3, TIME_NS, b"abcde", 60, inbound, "DROPPED", 7)
    found = body(enhanced_packet(packet), 6)
    interface, high, low, kept, original = struct.unpack_from("<5I", found)
    assert (interface, high << 32 | low, kept, original) == (3, TIME_NS, 5, 60)
    assert found[20:28] == b"abcde\0\0\0"
    assert options(found[28:]) == {
        1: b"DROPPED",
        2: struct.pack("<I", flags),
        5: struct.pack("<Q", 7),
    }


def test_statistics_count_what_was_dropped():
    found = body(interface_statistics(2, TIME_NS, 100, 9), 5)
    assert struct.unpack_from("<III", found) == (2, TIME_NS >> 32, TIME_NS & 0xFFFFFFFF)
    assert options(found[12:])[4] == struct.pack("<Q", 100)
    assert options(found[12:])[5] == struct.pack("<Q", 9)


def test_a_comment_that_is_too_long_is_cut_between_characters():
    found = body(enhanced_packet(CapturedPacket(0, 0, b"", 0, True, "ä" * 40_000)), 6)
    kept = options(found[20:])[1].decode()
    assert kept == "ä" * 32_767


@pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")
def test_wireshark_and_tcpdump_read_it(tmp_path):
    path = tmp_path / "two.pcapng"
    frames = [bytes(tcp()), bytes(udp(data=b"x" * 501))]
    path.write_bytes(
        section_header("kubehop")
        + interface_description("pod/default/web", "eth0 of it")
        + enhanced_packet(CapturedPacket(0, TIME_NS, frames[0], len(frames[0]), False, "one; two"))
        + interface_description("worker/vxlan", "")
        + enhanced_packet(CapturedPacket(1, TIME_NS, frames[1][:60], len(frames[1]), True, "ä"))
        + interface_statistics(0, TIME_NS, 1, 0)
        + interface_statistics(1, TIME_NS, 5, 4)
    )
    fields = ("frame.time_epoch", "frame.interface_name", "frame.packet_flags_direction",
              "frame.cap_len", "frame.len", "frame.comment")  # fmt: skip
    assert tshark(path, *fields) == [
        ("1700000000.123456789", "pod/default/web", "0x00000002", "54", "54", "one; two"),
        ("1700000000.123456789", "worker/vxlan", "0x00000001", "60", "543", "ä"),
    ]
    if shutil.which("tcpdump"):
        assert len(tcpdump_times(path)) == 2
