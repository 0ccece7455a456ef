import pytest

from netcore.capture.expression import Kind, inner_frame, layers_of
from netcore.capture.filter import parse_filter
from netcore.capture.outer import udp_frame
from netcore.model.address import packed
from netcore.packet.packet import parse_packet
from netcore.packet.vxlan import encode_vxlan
from tests.support.frames import NODE_MAC, PEER, POD, POD_MAC, tcp, udp

UNDERLAY = (packed("172.18.0.11"), packed("172.18.0.12"))
INNER = tcp(POD, PEER, 40000, 8080)
DATAGRAM = udp_frame((POD_MAC, NODE_MAC), UNDERLAY, (50000, 4789), encode_vxlan(1) + bytes(INNER))


def matches(text: str, frame: bytes = DATAGRAM, vxlan_port: int = 4789) -> bool:
    return parse_filter(text).matches(layers_of(frame, vxlan_port))


@pytest.mark.parametrize(
    "text",
    [
        "host 172.18.0.11 and udp port 4789",
        "src host 10.244.1.2 and dst host 10.244.2.3",
        "tcp port 8080",
        "tcp and udp",
        "tcp dst port 8080 and not port 80",
    ],
)
def test_a_filter_sees_the_datagram_and_the_packet_inside(text):
    assert matches(text)


@pytest.mark.parametrize(
    "text",
    ["not tcp", "not udp", "not host 10.244.1.2", "tcp port 4789", "udp port 8080", "arp"],
)
def test_not_means_neither_outside_nor_inside(text):
    assert not matches(text)


def test_only_the_clusters_own_vxlan_port_is_looked_into():
    assert not matches("tcp", vxlan_port=8472)
    assert matches("tcp", vxlan_port=4789)


@pytest.mark.parametrize(
    "payload", [b"", b"\x08\0\0", bytes(8) + bytes(INNER), encode_vxlan(1) + b"\0" * 9]
)
def test_a_datagram_that_carries_no_frame_is_itself_alone(payload):
    frame = udp_frame((POD_MAC, NODE_MAC), UNDERLAY, (50000, 4789), payload)
    assert len(layers_of(frame, 4789)) == 1


def test_what_cannot_be_read_is_nothing():
    assert layers_of(b"\0" * 13, 4789) == ()
    assert not matches("ip", b"\0" * 13)
    assert matches("not ip", b"\0" * 13)


def test_the_inner_frame():
    view = memoryview(DATAGRAM)
    assert inner_frame(view, parse_packet(view), 4789) == INNER
    other = memoryview(udp(dport=53))
    assert inner_frame(other, parse_packet(other), 4789) is None


@pytest.mark.parametrize(
    "text",
    [
        "tcp port 80",
        "src net 10.0.0.0/8",
        "ip6 host fd00::1",
        "udp dst portrange 1-9",
        "not (arp) or (icmp) and (tcp)",
    ],
)
def test_an_expression_as_text_means_the_same(text):
    found = parse_filter(text)
    assert parse_filter(str(found)) == found


def test_a_kind_shows_its_word():
    assert str(Kind("icmp6")) == "icmp6"
