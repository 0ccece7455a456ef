import pytest

from netcore.model.address import packed
from netcore.model.errors import BadHeader, TruncatedPacket
from netcore.packet.icmpv6 import Icmpv6Header, NeighborBody, parse_icmpv6, parse_neighbor
from tests.support.frames import icmp, wrong_checksums

TARGET = packed("fe80::1")


def test_header_and_body():
    assert parse_icmpv6(memoryview(b"\x02\0\x12\x34\0\0\x05\xaabody")) == (
        Icmpv6Header(2, 0, 1450, 0x1234),
        b"body",
    )


def test_checksum_covers_the_pseudo_header():
    assert wrong_checksums(icmp(packed("fd00::1"), packed("fd00::2"), 128, body=b"odd")) == []


def test_7_bytes_are_truncated():
    with pytest.raises(TruncatedPacket):
        parse_icmpv6(memoryview(bytes(7)))


def test_neighbor_solicitation_body():
    body = NeighborBody(TARGET, source_mac=b"\x02" * 6)
    wire = TARGET + b"\x01\x01" + b"\x02" * 6
    assert body.encode() == wire
    assert parse_neighbor(memoryview(wire)) == (body, b"")


def test_neighbor_advertisement_body():
    body = NeighborBody(TARGET, target_mac=b"\x02" * 6)
    assert body.encode() == TARGET + b"\x02\x01" + b"\x02" * 6
    assert parse_neighbor(memoryview(body.encode()))[0] == body


def test_unknown_options_and_odd_sizes_are_skipped():
    nonce = b"\x0e\x01" + bytes(6)
    long_mac = b"\x01\x02" + bytes(14)
    wire = TARGET + nonce + long_mac + b"\x02\x01" + b"\x03" * 6
    assert parse_neighbor(memoryview(wire))[0] == NeighborBody(TARGET, target_mac=b"\x03" * 6)


@pytest.mark.parametrize("options", [b"\x01", b"\x01\x01" + bytes(5)])
def test_cut_off_option(options):
    with pytest.raises(TruncatedPacket):
        parse_neighbor(memoryview(TARGET + options))


def test_short_target():
    with pytest.raises(TruncatedPacket):
        parse_neighbor(memoryview(TARGET[:15]))


def test_option_of_length_0():
    with pytest.raises(BadHeader):
        parse_neighbor(memoryview(TARGET + b"\x01\x00" + bytes(6)))
