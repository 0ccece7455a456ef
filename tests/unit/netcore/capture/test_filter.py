import shutil

import pytest

from netcore.capture.expression import layers_of
from netcore.capture.filter import MAX_FILTER_LENGTH, parse_filter
from netcore.model.address import packed
from netcore.model.errors import ConfigError
from tests.support.captures import capture_file, tcpdump_times
from tests.support.frames import (
    PEER,
    PEER6,
    POD,
    POD6,
    echo,
    fragments,
    frame,
    icmp,
    ip,
    sctp,
    tcp,
    udp,
)

ARP = bytes.fromhex("0001080006040001") + b"\2" * 6 + POD + bytes(6) + PEER
OTHER = packed("192.0.2.1")
FRAMES = [
    tcp(),
    tcp(PEER, POD, 80, 40000),
    tcp(POD, OTHER, 40000, 443),
    tcp(POD6, PEER6, 40000, 80),
    udp(),
    udp(POD6, PEER6, 53, 53),
    udp(OTHER, POD, 8080, 9000),
    sctp(),
    echo(),
    echo(POD6, PEER6, identifier=80),
    icmp(PEER, POD, 3, 3, body=bytes(tcp()[14:])),
    frame(0x0806, ARP),
    *fragments(udp(data=bytes(40)), 24),
    ip(POD, PEER, 47, b"gre"),
]

AS_TCPDUMP = [
    "host 10.244.1.2",
    "src host 10.244.1.2",
    "dst 10.244.1.2",
    "net 10.244.0.0/16",
    "src net 10.244.2.0/24 or dst net 192.0.2.0/24",
    "host fd00:10:244:1::2",
    "net fd00:10:244:1::/64",
    "port 80",
    "src port 80",
    "tcp port 80",
    "udp dst port 53",
    "sctp port 9999",
    "portrange 8000-9000",
    "tcp dst portrange 1-100",
    "tcp",
    "udp",
    "sctp",
    "icmp",
    "icmp6",
    "arp",
    "ip",
    "ip6",
    "not tcp",
    "! tcp && ! udp",
    "tcp or udp and port 53",
    "tcp or (udp and port 53)",
    "not (port 80 or 53)",
    "not host 10.244.1.2 and ip",
    "port 80 or 443",
    "tcp port 80 or 53",
    "src host 10.244.1.2 or 192.0.2.1",
    "not not icmp",
    "arp host 10.244.2.3",
    "ip host 10.244.2.3",
]


@pytest.mark.skipif(not shutil.which("tcpdump"), reason="tcpdump is not installed")
@pytest.mark.parametrize("text", AS_TCPDUMP)
def test_filters_mean_what_they_mean_to_tcpdump(tmp_path, text):
    path = capture_file(tmp_path / "all.pcapng", FRAMES)
    expression = parse_filter(text)
    # tcpdump does not look behind IPv6 extension headers: there are none here.
    ours = [n for n, each in enumerate(FRAMES) if expression.matches(layers_of(each, 4789))]
    assert ours == tcpdump_times(path, text)


def test_an_address_alone_is_a_host():
    assert parse_filter("10.244.2.3") == parse_filter("host 10.244.2.3")


@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_no_filter_is_everything(text):
    assert parse_filter(text) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("host", "at its end: an IP address is missing"),
        ("host web", "at 'web': expected an IP address"),
        ("host 10.0.0.0/8", "at '10.0.0.0/8': expected an IP address"),
        ("net 10.0.0.0", "at '10.0.0.0': expected a network"),
        ("net 10.0.0.1/8", "at '10.0.0.1/8': expected a network"),
        ("port", "a port number (0 to 65535) is missing"),
        ("port http", "at 'http': expected a port number"),
        ("port 65536", "at '65536': expected a port number"),
        ("port ٣", "expected a port number"),
        ("portrange 9-8", "at '9-8': expected two port numbers"),
        ("portrange 9", "at '9': expected two port numbers"),
        ("tcp udp", "at 'udp': expected an IP address, or a word such as 'host', 'port', 'tcp'"),
        ("tcp port 80 udp", "at 'udp': give 'and' or 'or' between two conditions"),
        ("(tcp", "at its end: a ')' is missing"),
        ("tcp)", "at ')': give 'and' or 'or'"),
        ("()", "at ')': an IP address is missing"),
        ("not", "at its end: an IP address is missing"),
        ("and tcp", "at 'and': an IP address is missing"),
        ("tcp &", "at '&'"),
        ("tcp or", "at its end"),
        ("src", "at its end: an IP address is missing"),
        ("vlan 3", "at 'vlan': expected an IP address, or a word such as"),
        ("(" * 100 + "tcp", "more than 64 levels"),
        ("not " * 1000 + "tcp", "more than 64 levels"),
        ("x" * (MAX_FILTER_LENGTH + 1), f"at most {MAX_FILTER_LENGTH}"),
    ],
)
def test_what_cannot_be_names_the_place_and_what_is_expected(text, message):
    with pytest.raises(ConfigError) as raised:
        parse_filter(text)
    assert message in str(raised.value)
