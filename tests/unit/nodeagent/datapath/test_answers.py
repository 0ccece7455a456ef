from netcore.packet.packet import parse_packet
from netcore.packet.protocols import TCP_RST
from netcore.pipeline.verdict import Reject, RejectKind, ReplyKind
from nodeagent.datapath.userspace.answers import answer_reject, answer_reply
from tests.support.cluster import GATEWAY, GATEWAY6
from tests.support.frames import NODE_MAC, PEER, POD, POD6, icmp, sctp, tcp, udp

REFUSED = Reject(RejectKind.PORT_UNREACHABLE)


def answered(data: bytearray, reject: Reject, gateway: bytes | None = GATEWAY):
    answer = answer_reject(reject, memoryview(data), parse_packet(data), gateway)
    return answer and parse_packet(answer)


def test_a_closed_tcp_port_resets_in_its_own_name():
    reset = answered(tcp(), REFUSED)
    assert (reset.src, reset.dst, reset.tcp_flags & TCP_RST) == (PEER, POD, TCP_RST)
    assert answered(tcp(), REFUSED, None) is not None


def test_other_protocols_and_reasons_get_an_error_from_the_gateway():
    for data, reject in (
        (udp(), REFUSED),
        (sctp(), REFUSED),
        (tcp(), Reject(RejectKind.HOST_UNREACHABLE)),
        (tcp(), Reject(RejectKind.TIME_EXCEEDED)),
        (udp(), Reject(RejectKind.FRAGMENTATION_NEEDED, 1450)),
    ):
        error = answered(data, reject)
        assert (error.src, error.dst, error.quoted.dst) == (GATEWAY, POD, PEER)


def test_without_a_gateway_of_the_family_there_is_no_error():
    assert answered(udp(), REFUSED, None) is None


def test_a_solicitation_is_answered_with_the_nodes_mac():
    question = icmp(POD6, GATEWAY6, 135, body=GATEWAY6)
    question[21] = 255  # hop limit: RFC 4861 section 7.1.1
    kind = ReplyKind.NEIGHBOR_ADVERTISEMENT
    answer = answer_reply(kind, memoryview(question), parse_packet(question), NODE_MAC)
    advertised = parse_packet(answer)
    assert (advertised.src, advertised.dst, advertised.icmp_type) == (GATEWAY6, POD6, 136)
    assert answer[-6:] == NODE_MAC
