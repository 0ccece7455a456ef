import pytest

from netcore.model.errors import BadHeader, TruncatedPacket
from netcore.packet.vxlan import VxlanHeader, encode_vxlan, parse_vxlan


def test_wire_format():
    assert encode_vxlan(0) == bytes.fromhex("0800000000000000")
    assert encode_vxlan(0xFFFFFF) == bytes.fromhex("08000000ffffff00")
    assert encode_vxlan(0x123456) == bytes.fromhex("0800000012345600")
    assert VxlanHeader(1).encode() == bytes.fromhex("0800000000000100")


def test_header_and_inner_frame():
    assert parse_vxlan(memoryview(encode_vxlan(1) + b"frame")) == (VxlanHeader(1), b"frame")


def test_reserved_bits_are_ignored():
    assert parse_vxlan(memoryview(bytes.fromhex("fffffffffffffeff")))[0].vni == 0xFFFFFE


def test_7_bytes_are_truncated():
    with pytest.raises(TruncatedPacket):
        parse_vxlan(memoryview(encode_vxlan(1)[:7]))


def test_clear_i_flag():
    with pytest.raises(BadHeader, match="I flag"):
        parse_vxlan(memoryview(bytes(8)))


@pytest.mark.parametrize("vni", [-1, 1 << 24])
def test_vni_of_more_than_24_bits(vni):
    with pytest.raises(BadHeader):
        encode_vxlan(vni)
