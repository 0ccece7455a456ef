import pytest

from netcore.model.address import packed
from netcore.model.errors import BadHeader, TruncatedPacket
from netcore.packet.ipv4 import Ipv4Header, parse_ipv4

WIRE = bytes.fromhex("45000073000040004011b861c0a80001c0a800c7")
HEADER = Ipv4Header(
    src=packed("192.168.0.1"),
    dst=packed("192.168.0.199"),
    protocol=17,
    total_length=0x73,
    dont_fragment=True,
    checksum=0xB861,
)


def test_wire_format():
    assert HEADER.encode() == WIRE


def test_with_checksum_ignores_the_one_that_was_there():
    assert HEADER.with_checksum() == HEADER


def test_payload_ends_where_total_length_says():
    payload = bytes(range(0x73 - 20))
    assert parse_ipv4(memoryview(WIRE + payload + b"padding")) == (HEADER, payload)


def test_fragment_fields_and_options():
    header = Ipv4Header(
        b"\1" * 4, b"\2" * 4, 6, 32, 1, 0xB8, 77, False, True, 1480, 5, b"\x94\x04\0\0"
    )
    wire = header.encode()
    assert wire[0] == 0x46
    assert wire[6:8] == (0x2000 | 1480 // 8).to_bytes(2, "big")
    assert parse_ipv4(memoryview(wire + b"12345678")) == (header, b"12345678")


def test_the_reserved_flag_is_ignored():
    wire = bytearray(WIRE + bytes(95))
    wire[6] |= 0x80
    assert parse_ipv4(memoryview(wire))[0] == HEADER


@pytest.mark.parametrize("size", [0, 19, 20, 0x72])
def test_truncated(size):
    with pytest.raises(TruncatedPacket):
        parse_ipv4(memoryview((WIRE + bytes(95))[:size]))


@pytest.mark.parametrize(
    ("start", "reason"),
    [("65000073", "version 6"), ("44000073", "length 16"), ("46000014", "total length 20")],
)
def test_contradictions(start, reason):
    with pytest.raises(BadHeader, match=reason):
        parse_ipv4(memoryview(bytes.fromhex(start) + WIRE[4:] + bytes(95)))
