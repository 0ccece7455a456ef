import pytest

from netcore.model.address import packed
from netcore.model.errors import BadHeader, TruncatedPacket
from netcore.packet.arp import ARP_REQUEST, ArpHeader, parse_arp

REQUEST = ArpHeader(ARP_REQUEST, b"\x02" * 6, packed("10.244.1.2"), bytes(6), packed("10.244.1.1"))
WIRE = bytes.fromhex("00010800060400010202020202020af401020000000000000af40101")


def test_wire_format():
    assert REQUEST.encode() == WIRE


def test_padding_is_given_back():
    assert parse_arp(memoryview(WIRE + bytes(18))) == (REQUEST, bytes(18))


def test_27_bytes_are_truncated():
    with pytest.raises(TruncatedPacket):
        parse_arp(memoryview(WIRE[:27]))


@pytest.mark.parametrize("position", [1, 3, 4, 5])
def test_anything_but_ipv4_over_ethernet_is_refused(position):
    wire = bytearray(WIRE)
    wire[position] ^= 0xFF
    with pytest.raises(BadHeader):
        parse_arp(memoryview(wire))
