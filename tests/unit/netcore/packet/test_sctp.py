import pytest

from netcore.model.errors import TruncatedPacket
from netcore.packet.sctp import SctpHeader, parse_sctp
from tests.support.frames import sctp, wrong_checksums


def test_wire_format():
    header = SctpHeader(5000, 9999, 0xCAFEBABE, 0x11223344)
    wire = bytes.fromhex("1388" + "270f" + "cafebabe" + "44332211")
    assert header.encode() == wire
    assert parse_sctp(memoryview(wire + b"chunks")) == (header, b"chunks")


def test_checksum():
    assert wrong_checksums(sctp(data=b"chunks")) == []


def test_11_bytes_are_truncated():
    with pytest.raises(TruncatedPacket):
        parse_sctp(memoryview(bytes(11)))
