import pytest

from netcore.model.errors import BadHeader, TruncatedPacket
from netcore.packet.protocols import TCP_ACK, TCP_SYN
from netcore.packet.tcp import TcpHeader, parse_tcp
from tests.support.frames import tcp, wrong_checksums

HEADER = TcpHeader(40000, 80, 1, 2, TCP_SYN | TCP_ACK, 64240, 0xABCD, 3, b"\x02\x04\x05\xaa")
WIRE = bytes.fromhex("9c400050" + "00000001" + "00000002" + "6012faf0" + "abcd0003" + "020405aa")


def test_wire_format():
    assert HEADER.encode() == WIRE
    assert parse_tcp(memoryview(WIRE + b"data")) == (HEADER, b"data")


def test_checksum():
    assert wrong_checksums(tcp(data=b"odd")) == []


@pytest.mark.parametrize("size", [0, 19, 23])
def test_truncated(size):
    with pytest.raises(TruncatedPacket):
        parse_tcp(memoryview(WIRE[:size]))


def test_data_offset_below_5():
    with pytest.raises(BadHeader, match="data offset 4"):
        parse_tcp(memoryview(WIRE[:12] + b"\x40" + WIRE[13:]))
