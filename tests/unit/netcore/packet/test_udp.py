import pytest

from netcore.model.errors import BadHeader, TruncatedPacket
from netcore.packet.udp import UdpHeader, parse_udp
from tests.support.frames import PEER, POD, udp, wrong_checksums

HEADER = UdpHeader(40000, 53, 12, 0xABCD)
WIRE = bytes.fromhex("9c40" + "0035" + "000c" + "abcd")


def test_wire_format():
    assert HEADER.encode() == WIRE
    assert parse_udp(memoryview(WIRE + b"datapadding")) == (HEADER, b"data")


def test_checksum():
    assert wrong_checksums(udp(data=b"odd")) == []


def test_computed_0_is_sent_as_0xffff():
    without = UdpHeader(40000, 53, 10).with_checksum(POD, PEER, b"\0\0").checksum
    zero_sum = without.to_bytes(2, "big")  # takes the sum to 0xFFFF
    assert UdpHeader(40000, 53, 10).with_checksum(POD, PEER, zero_sum).checksum == 0xFFFF


@pytest.mark.parametrize("size", [0, 7, 11])
def test_truncated(size):
    with pytest.raises(TruncatedPacket):
        parse_udp(memoryview((WIRE + b"data")[:size]))


def test_length_below_its_header():
    with pytest.raises(BadHeader, match="length 7"):
        parse_udp(memoryview(UdpHeader(1, 2, 7).encode()))
