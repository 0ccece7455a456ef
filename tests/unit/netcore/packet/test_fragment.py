import pytest

from netcore.packet.fragment import fragment_ipv4
from netcore.packet.ipv4 import Ipv4Header, parse_ipv4
from netcore.packet.packet import parse_packet
from tests.support.frames import PEER, POD, ip, udp, wrong_checksums


def fragments_of(data: bytearray, mtu: int) -> list[tuple[Ipv4Header, bytes]]:
    """Headers and payloads; each must be a valid frame of the size."""
    found = []
    for piece in fragment_ipv4(data, parse_packet(data), mtu):
        assert piece[:14] == data[:14]
        assert "IPv4 header" not in wrong_checksums(piece)
        assert parse_packet(piece).ip_length == len(piece) - 14 <= mtu
        header, payload = parse_ipv4(memoryview(piece)[14:])
        assert header.identification == 0x1234
        found.append((header, bytes(payload)))
    return found


def test_fragments_are_as_large_as_fits_and_add_up():
    data = udp(data=bytes(range(256)) * 8)
    found = fragments_of(data, 1000)
    assert [len(payload) for _, payload in found] == [976, 976, 104]
    assert [header.fragment_offset for header, _ in found] == [0, 976, 1952]
    assert [header.more_fragments for header, _ in found] == [True, True, False]
    assert b"".join(payload for _, payload in found) == data[34:]


def test_a_fragment_is_cut_further():
    data = ip(
        POD, PEER, 17, bytes(104), dont_fragment=False, more_fragments=True, fragment_offset=800
    )
    found = fragments_of(data, 100)
    assert [(h.fragment_offset, h.more_fragments) for h, _ in found] == [(800, True), (880, True)]


def test_padding_is_not_carried():
    data = udp(data=bytes(100)) + b"padding"
    assert b"".join(payload for _, payload in fragments_of(data, 68)) == data[34:-7]


@pytest.mark.parametrize("payload", [b"", b"12345678"])
def test_what_fits_stays_whole(payload):
    data = ip(POD, PEER, 47, payload, dont_fragment=False)
    assert fragment_ipv4(data, parse_packet(data), 68) == [bytes(data)]


COPIED, ONCE, NOP, END = b"\x94\x04\0\0", b"\x07\x07\4abcd", b"\1", b"\0"


@pytest.mark.parametrize(
    ("options", "later"),
    [
        (COPIED + ONCE + NOP, COPIED),
        (ONCE + NOP, b""),
        (NOP * 4 + COPIED, COPIED),
        (b"\x82\x03x" + NOP, b"\x82\x03x\0"),
        (NOP + END + COPIED[:2], b""),
        (COPIED + b"\x94\x09ab", COPIED),
        (COPIED + b"\x94\x01ab", COPIED),
        (NOP * 3 + b"\x94", b""),
    ],
    ids=[
        "some",
        "none",
        "padding first",
        "padded",
        "behind the end",
        "too long",
        "too short",
        "cut off",
    ],
)
def test_only_options_with_the_copied_flag_are_in_later_fragments(options, later):
    data = ip(POD, PEER, 47, bytes(200), dont_fragment=False, options=options)
    found = fragments_of(data, 100)
    assert [header.options for header, _ in found] == [options] + [later] * (len(found) - 1)
    assert sum(len(payload) for _, payload in found) == 200
