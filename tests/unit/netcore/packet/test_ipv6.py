import pytest

from netcore.model.address import packed
from netcore.model.errors import BadHeader, TruncatedPacket
from netcore.packet.ipv6 import (
    FragmentHeader,
    Ipv6Header,
    parse_fragment,
    parse_ipv6,
    walk_extensions,
)

HEADER = Ipv6Header(packed("fd00::1"), packed("fd00::2"), 6, 5, 63, 0xB8, 0x12345)
WIRE = bytes.fromhex("6b812345" + "0005063f") + HEADER.src + HEADER.dst


def options(next_header: int, size: int = 8) -> bytes:
    return bytes((next_header, size // 8 - 1)) + bytes(size - 2)


def walk(data: bytes, next_header: int):
    return walk_extensions(data, 0, len(data), next_header)


def test_wire_format():
    assert HEADER.encode() == WIRE


def test_payload_ends_where_its_length_says():
    assert parse_ipv6(memoryview(WIRE + b"12345padding")) == (HEADER, b"12345")


@pytest.mark.parametrize("size", [0, 39, 44])
def test_truncated(size):
    with pytest.raises(TruncatedPacket):
        parse_ipv6(memoryview((WIRE + b"12345")[:size]))


def test_version_must_be_6():
    with pytest.raises(BadHeader, match="version 4"):
        parse_ipv6(memoryview(b"\x45" + WIRE[1:] + b"12345"))


def test_fragment_header_wire_format():
    header = FragmentHeader(17, 1448, True, 0xDEADBEEF)
    wire = bytes.fromhex("110005a9deadbeef")
    assert header.encode() == wire
    assert parse_fragment(memoryview(wire + b"rest")) == (header, b"rest")


def test_fragment_header_cut_off():
    with pytest.raises(TruncatedPacket):
        parse_fragment(memoryview(bytes(7)))


def test_no_extension_header():
    assert walk(b"", 6) == (6, 0, None)


def test_chain_of_all_kinds():
    chain = options(60) + options(43, 16) + options(51) + bytes((44, 4)) + bytes(22)
    chain += FragmentHeader(17, 0, True, 1).encode()
    protocol, offset, fragment = walk(chain + b"udp", 0)
    assert (protocol, offset) == (17, len(chain))
    assert fragment == FragmentHeader(17, 0, True, 1)


def test_walk_ends_in_a_later_fragment():
    chain = FragmentHeader(60, 8, False, 1).encode() + b"anything"
    protocol, offset, fragment = walk(chain, 44)
    assert (protocol, offset) == (60, 8)
    assert fragment is not None
    assert fragment.fragment_offset == 8


def test_no_next_header_is_an_end():
    assert walk(options(59), 60) == (59, 8, None)


def test_hop_by_hop_must_be_first():
    with pytest.raises(BadHeader, match="hop-by-hop"):
        walk(options(0) + options(6), 60)


@pytest.mark.parametrize("chain", [b"", options(6)[:7], options(6, 16)[:8]])
def test_cut_off_extension_header(chain):
    with pytest.raises(TruncatedPacket):
        walk(chain, 60)


def test_eight_extension_headers_are_walked():
    assert walk(options(60) * 7 + options(6), 60) == (6, 64, None)


def test_nine_extension_headers_are_too_many():
    with pytest.raises(BadHeader, match="more than 8"):
        walk(options(60) * 8 + options(6), 60)
