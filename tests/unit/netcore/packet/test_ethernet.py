import pytest

from netcore.model.errors import TruncatedPacket
from netcore.packet.ethernet import BROADCAST_MAC, EthernetHeader, is_group_mac, parse_ethernet


def test_header_and_payload():
    header, payload = parse_ethernet(memoryview(b"\x01" * 6 + b"\x02" * 6 + b"\x08\x00" + b"body"))
    assert header == EthernetHeader(b"\x01" * 6, b"\x02" * 6, 0x0800)
    assert payload == b"body"


def test_13_bytes_are_truncated():
    with pytest.raises(TruncatedPacket, match="frame has 13"):
        parse_ethernet(memoryview(bytes(13)))


@pytest.mark.parametrize(
    ("mac", "group"),
    [(BROADCAST_MAC, True), (bytes.fromhex("333300000001"), True), (b"\x02" * 6, False)],
)
def test_group_macs(mac, group):
    assert is_group_mac(mac) is group
