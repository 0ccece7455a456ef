import pytest

from netcore.model.errors import TruncatedPacket
from netcore.packet.icmp import IcmpHeader, parse_icmp


def test_wire_format_of_an_echo_request():
    header = IcmpHeader(8, 0, rest=0x00070001).with_checksum(b"ping")
    assert header.encode() == bytes.fromhex("08001927") + b"\0\7\0\1"


def test_header_and_body():
    assert parse_icmp(memoryview(b"\x03\x04\x12\x34\0\0\x05\xaabody")) == (
        IcmpHeader(3, 4, 1450, 0x1234),
        b"body",
    )


def test_7_bytes_are_truncated():
    with pytest.raises(TruncatedPacket):
        parse_icmp(memoryview(bytes(7)))
