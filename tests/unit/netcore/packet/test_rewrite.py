import pytest

from netcore.model.address import packed
from netcore.packet.ipv6 import FragmentHeader
from netcore.packet.packet import parse_packet
from netcore.packet.rewrite import Rewrite, apply_rewrite, rewrite_quoted, set_macs
from tests.support.frames import (
    PEER,
    PEER6,
    POD,
    POD6,
    echo,
    frame,
    icmp,
    ip,
    sctp,
    tcp,
    udp,
    wrong_checksums,
)

BACKEND, BACKEND6 = packed("10.244.9.9"), packed("fd00:10:244:9::9")
FAMILIES = pytest.mark.parametrize(
    ("src", "dst", "new"), [(POD, PEER, BACKEND), (POD6, PEER6, BACKEND6)]
)


def rewrite(src=None, src_port=None, dst=None, dst_port=None, *, decrement_ttl=False) -> Rewrite:
    return Rewrite(src, src_port, dst, dst_port, decrement_ttl)


def rewritten(data: bytearray, change: Rewrite):
    apply_rewrite(data, parse_packet(data), change)
    return parse_packet(data)


def test_set_macs():
    data = tcp()
    rest = bytes(data[12:])
    set_macs(data, b"\1" * 6, b"\2" * 6)
    assert data == b"\1" * 6 + b"\2" * 6 + rest


@pytest.mark.parametrize("build", [tcp, udp, sctp])
@FAMILIES
def test_dnat(build, src, dst, new):
    data = build(src, dst, data=b"odd")
    packet = rewritten(data, rewrite(dst=new, dst_port=8080))
    assert (packet.src, packet.dst, packet.dst_port) == (src, new, 8080)
    assert wrong_checksums(data) == []


@pytest.mark.parametrize("build", [tcp, udp, sctp])
@FAMILIES
def test_snat_and_ttl(build, src, dst, new):
    data = build(src, dst, data=b"odd")
    packet = rewritten(data, rewrite(src=new, src_port=61000, decrement_ttl=True))
    assert (packet.src, packet.src_port, packet.dst, packet.ttl) == (new, 61000, dst, 63)
    assert wrong_checksums(data) == []


@pytest.mark.parametrize("build", [tcp, udp, sctp, echo])
@FAMILIES
def test_ttl_alone(build, src, dst, new):
    data = build(src, dst)
    before = bytes(data)
    assert rewritten(data, rewrite(decrement_ttl=True)).ttl == 63
    assert wrong_checksums(data) == []
    header = 34 if len(src) == 4 else 54
    assert data[header:] == before[header:]


@pytest.mark.parametrize("build", [tcp, udp, sctp, echo])
@FAMILIES
def test_nothing_to_do_changes_nothing(build, src, dst, new):
    data = build(src, dst)
    before = bytes(data)
    rewritten(data, rewrite())
    assert data == before


@pytest.mark.parametrize("build", [tcp, udp, sctp, echo])
@FAMILIES
def test_address_alone(build, src, dst, new):
    data = build(src, dst)
    assert rewritten(data, rewrite(dst=new)).dst == new
    assert wrong_checksums(data) == []


@pytest.mark.parametrize("field", ["src_port", "dst_port"])
@FAMILIES
def test_echo_identifier(field, src, dst, new):
    data = echo(src, dst, identifier=7)
    packet = rewritten(data, rewrite(src=new, **{field: 61001}))
    assert (packet.src_port, packet.dst_port, packet.src) == (61001, 61001, new)
    assert wrong_checksums(data) == []


def test_ports_of_other_icmp_are_not_written():
    data = icmp(POD, PEER, 13, rest=0xBEEF0001)
    before = bytes(data[34:])
    rewritten(data, rewrite(src=BACKEND, src_port=61000))
    assert data[34:] == before
    assert wrong_checksums(data) == []


def test_echo_reply_of_nothing_but_zeros_keeps_a_valid_checksum():
    data = icmp(POD, PEER, 0, rest=5 << 16)
    rewritten(data, rewrite(src_port=0))
    assert data[34:] == b"\0\0\xff\xff\0\0\0\0"
    assert wrong_checksums(data) == []


def test_checksum_0_of_an_echo_that_is_not_zero_stays():
    zero_sum = 0xFFFF - 0x0800 - 1 - 5  # takes the sum of the message to 0xFFFF once the id is 5
    data = icmp(POD, PEER, 8, rest=6 << 16 | 1, body=zero_sum.to_bytes(2, "big"))
    rewritten(data, rewrite(src_port=5))
    assert data[36:38] == b"\0\0"
    assert wrong_checksums(data) == []


@FAMILIES
def test_udp_without_checksum_stays_without(src, dst, new):
    data = udp(src, dst, checksum=False)
    packet = rewritten(data, rewrite(dst=new, dst_port=5353))
    assert data[packet.l4_offset + 6 : packet.l4_offset + 8] == b"\0\0"
    assert packet.dst_port == 5353


def test_udp_checksum_that_becomes_0_is_sent_as_0xffff():
    data = udp(sport=1, dport=2)
    checksum = int.from_bytes(data[40:42], "big")
    # A port that is greater by the checksum takes the sum to 0xFFFF.
    rewritten(data, rewrite(src_port=1 + checksum))
    assert data[40:42] == b"\xff\xff"
    assert wrong_checksums(data) == []


@pytest.mark.parametrize("build", [tcp, udp, sctp])
def test_a_wrong_checksum_stays_wrong(build):
    data = build(data=b"data")
    data[-1] ^= 1
    assert len(wrong_checksums(data)) == 1
    rewritten(data, rewrite(dst=BACKEND, dst_port=8080))
    assert len(wrong_checksums(data)) == 1


def test_later_fragments_have_only_their_ip_header_changed():
    data = ip(POD, PEER, 17, b"12345678", fragment_offset=8)
    packet = rewritten(data, rewrite(dst=BACKEND, dst_port=8080))
    assert packet.dst == BACKEND
    assert data[34:] == b"12345678"
    assert "IPv4 header" not in wrong_checksums(data)


def test_protocols_without_ports_keep_their_payload():
    data = ip(POD, PEER, 47, b"12345678")
    rewritten(data, rewrite(dst=BACKEND, dst_port=8080))
    assert data[34:] == b"12345678"


def test_fragmented_sctp_keeps_its_crc():
    data = sctp(data=b"12345678" * 2)
    fragment = ip(POD, PEER, 132, bytes(data[34:58]), dont_fragment=False, more_fragments=True)
    crc = bytes(fragment[42:46])
    packet = rewritten(fragment, rewrite(dst_port=1))
    assert packet.dst_port == 1
    assert fragment[42:46] == crc


def test_behind_ipv6_extension_headers():
    upper = bytes(tcp(POD6, PEER6)[54:])
    data = ip(POD6, PEER6, 60, b"\x06\x00" + bytes(6) + upper)
    rewritten(data, rewrite(dst=BACKEND6, dst_port=8080))
    plain = ip(POD6, BACKEND6, 6, bytes(data[62:]))
    assert wrong_checksums(plain) == []


def test_frame_at_an_offset():
    data = bytearray(8) + tcp()
    apply_rewrite(data, parse_packet(data, 8), rewrite(dst=BACKEND, dst_port=8080))
    assert data[:8] == bytes(8)
    assert wrong_checksums(data[8:]) == []


# A client's packet to a Service was sent on to a backend; an error about it comes back and
# quotes the packet as the backend saw it. The quote must become what the client sent.
SERVICE, SERVICE6 = packed("10.96.0.10"), packed("fd00:10:96::10")
QUOTE_FAMILIES = pytest.mark.parametrize(
    ("pod", "backend", "service", "kind"),
    [(POD, BACKEND, SERVICE, 3), (POD6, BACKEND6, SERVICE6, 1)],
)


def undo_dnat(data: bytearray, service: bytes, port: int) -> bytes:
    """The quote, after the error was translated back; all outer checksums must hold."""
    packet = parse_packet(data)
    rewrite_quoted(data, packet, rewrite(dst=service, dst_port=port))
    apply_rewrite(data, packet, rewrite(src=service))
    assert wrong_checksums(data) == []
    return bytes(data[packet.l4_offset + 8 :])


@pytest.mark.parametrize("build", [tcp, udp, sctp])
@QUOTE_FAMILIES
def test_whole_quote_becomes_what_was_sent(build, pod, backend, service, kind):
    sent = bytes(build(pod, service, 40000, 80, b"odd")[14:])
    seen = bytes(build(pod, backend, 40000, 8080, b"odd")[14:])
    assert undo_dnat(icmp(backend, pod, kind, 4, body=seen), service, 80) == sent


@pytest.mark.parametrize("quoted_bytes", [8, 9, 12, 17, 18, 30])
@pytest.mark.parametrize(("build", "checksum"), [(tcp, 16), (udp, 6), (sctp, 8)])
@QUOTE_FAMILIES
def test_cut_quote_becomes_what_was_sent(
    build, checksum, quoted_bytes, pod, backend, service, kind
):
    l4 = 20 if len(pod) == 4 else 40
    sent = bytes(build(pod, service, 40000, 80, b"data" * 9)[14:])[: l4 + quoted_bytes]
    seen = bytes(build(pod, backend, 40000, 8080, b"data" * 9)[14:])[: l4 + quoted_bytes]
    result = undo_dnat(icmp(backend, pod, kind, 4, body=seen), service, 80)
    # Half a checksum cannot be kept right, nor SCTP's, which covers what is not quoted.
    if build is sctp or quoted_bytes == checksum + 1:
        assert result[l4 + checksum :] == seen[l4 + checksum :]
        sent, result = sent[: l4 + checksum], result[: l4 + checksum]
    assert result == sent


@QUOTE_FAMILIES
def test_quoted_echo(pod, backend, service, kind):
    data = icmp(backend, pod, kind, body=bytes(echo(backend, service, identifier=61000)[14:]))
    packet = parse_packet(data)
    rewrite_quoted(data, packet, rewrite(src=pod, src_port=7, dst_port=7))
    assert data[packet.l4_offset + 8 :] == echo(pod, service, identifier=7)[14:]
    assert wrong_checksums(data) == []


def test_quoted_udp_without_checksum():
    seen = bytes(udp(POD, BACKEND, 1, 5353, checksum=False)[14:])
    sent = bytes(udp(POD, SERVICE, 1, 53, checksum=False)[14:])
    assert undo_dnat(icmp(BACKEND, POD, 3, 3, body=seen), SERVICE, 53) == sent


def test_packet_without_quote_is_left_alone():
    data = tcp()
    before = bytes(data)
    rewrite_quoted(data, parse_packet(data), rewrite(dst=BACKEND, dst_port=80))
    assert data == before


def test_first_fragment_of_ipv6_udp_keeps_its_checksum_right():
    datagram = bytes(udp(POD6, PEER6, data=bytes(range(32)))[54:])
    first = FragmentHeader(17, 0, True, 9).encode() + datagram[:24]
    data = ip(POD6, PEER6, 44, first)
    packet = rewritten(data, rewrite(dst=BACKEND6, dst_port=99))
    whole = ip(POD6, BACKEND6, 17, bytes(data[packet.l4_offset :]) + datagram[24:])
    assert wrong_checksums(whole) == []


def test_non_ip_is_not_a_reason_to_fail():
    data = frame(0x88CC, bytes(40))
    before = bytes(data)
    apply_rewrite(data, parse_packet(data), rewrite())
    assert data == before


@pytest.mark.parametrize("build", [tcp, udp, sctp])
def test_two_ports_that_change_places(build):
    data = build(sport=1, dport=2)
    packet = rewritten(data, rewrite(src_port=2, dst_port=1))
    assert (packet.src_port, packet.dst_port) == (2, 1)
    assert wrong_checksums(data) == []
