import pytest

from netcore.flow.record import DnsRecord, HttpRecord, Layer7
from netcore.flow.summary import flag_names, summarize, summarize_layer7


@pytest.mark.parametrize(
    ("packet", "said"),
    [
        ((6, 0x02, -1, -1), "TCP Flags: SYN"),
        ((6, 0x12, -1, -1), "TCP Flags: SYN, ACK"),
        ((6, 0x11, -1, -1), "TCP Flags: ACK, FIN"),
        ((6, 0x18, -1, -1), "TCP Flags: ACK, PSH"),
        ((6, 0x14, -1, -1), "TCP Flags: ACK, RST"),
        ((6, 0, -1, -1), "TCP"),
        ((17, 0, -1, -1), "UDP"),
        ((132, 0, -1, -1), "SCTP"),
        ((47, 0, -1, -1), "protocol 47"),
        ((0, 0, -1, -1), ""),
        ((1, 0, 8, 0), "ICMPv4 EchoRequest"),
        ((1, 0, 3, 3), "ICMPv4 DestinationUnreachable(Port)"),
        ((1, 0, 11, 0), "ICMPv4 TimeExceeded(TTLExceeded)"),
        ((1, 0, 77, 5), "ICMPv4 77(5)"),
        ((58, 0, 129, 0), "ICMPv6 EchoReply"),
    ],
)
def test_packets(packet, said):
    assert summarize(*packet) == said


def test_flags_that_nobody_named():
    assert flag_names(0xFF) == ["SYN", "ACK", "RST", "FIN", "PSH", "URG", "ECE", "CWR"]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Layer7(DnsRecord("web.", ("A",)), False), "DNS Query web. A"),
        (
            Layer7(DnsRecord("web.", ("A",), True, 0, ("10.0.0.1", "10.0.0.2"), (), 30), True),
            'DNS Answer "10.0.0.1,10.0.0.2" TTL: 30 (Proxy web. A)',
        ),
        (
            Layer7(DnsRecord("no.", ("AAAA",), True, 3), True),
            "DNS Answer RCode: Non-Existent Domain (Proxy no. AAAA)",
        ),
        (
            Layer7(DnsRecord("a.", ("A",), True, 0, (), ("b.",)), True),
            'DNS Answer CNAMEs: "b." (Proxy a. A)',
        ),
        (
            Layer7(HttpRecord("GET", "http://web/", "HTTP/1.1"), False),
            "HTTP/1.1 GET http://web/",
        ),
        (
            Layer7(HttpRecord("GET", "http://web/", "HTTP/1.1", 404), True, 5_900_000),
            "HTTP/1.1 404 5ms (GET http://web/)",
        ),
    ],
)
def test_layer7(found, said):
    assert summarize_layer7(found) == said
