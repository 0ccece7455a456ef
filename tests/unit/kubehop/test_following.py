from kubehop.tracing.following import Ends, follow
from kubehop.tracing.journey import Sight
from tests.unit.kubehop.packetlines import SENDING
from tests.unit.kubehop.tracelines import (
    CLIENT,
    SERVER,
    SERVICE,
    answer_received,
    answered,
    flow,
    hop,
    packet,
    received,
    sent,
)


def followed(*lines, sending=SENDING):
    found = follow([Sight.of(line) for line in lines], [sending])
    return [s.node for s in found.requests], [s.node for s in found.replies]


def test_translations_are_followed_on_both_ways():
    found = followed(sent(), received(), answered(), answer_received())
    assert found == (["n1", "n2"], ["n2", "n1"])


def test_it_does_not_matter_in_which_order_nodes_told():
    found = followed(received(), answer_received(), answered(), sent())
    assert found == (["n2", "n1"], ["n1", "n2"])


def test_another_connection_of_the_same_pod_is_not_the_traced_one():
    other = flow((CLIENT[0], 40001), SERVER)
    stranger = packet("n1", "pod x", "TCP SYN", [hop("route", other, other)], "Encap", "n2 x")
    assert followed(sent(), stranger) == (["n1"], [])


def test_an_icmp_error_about_the_packet_is_its_answer():
    ends = flow((SERVER[0], 0), (CLIENT[0], 0), "ICMP")
    line = packet("n2", "pod default/db", "ICMP", [hop("route", ends, ends)], "Encap", "n1 x")
    about = "TCP 10.244.0.2:40000 -> 10.244.1.2:80"
    line["summary"] = f"ICMP port unreachable 10.244.1.2 -> 10.244.0.2, about {about}, 88 bytes"
    assert followed(sent(), received(), line) == (["n1", "n2"], ["n2"])
    line["summary"] = line["summary"].replace("40000", "40001")
    assert followed(sent(), received(), line) == (["n1", "n2"], [])


def test_an_echo_to_oneself_has_two_directions():
    ends = flow((CLIENT[0], 7), (CLIENT[0], 7), "ICMP")
    request = packet("n1", "pod a", "ICMP echo request", [hop("route", ends, ends)], "Deliver")
    reply = packet("n1", "pod a", "ICMP echo reply", [hop("route", ends, ends)], "Deliver")
    assert followed(request, reply, sending=ends) == (["n1"], ["n1"])


def test_a_flow_is_written_as_nodes_write_it():
    assert str(Ends("TCP", "fd00::1", 5, "fd00::2", 80)) == "[fd00::1]:5 -> [fd00::2]:80"
    assert str(Ends("ICMP", "10.0.0.1", 5, "10.0.0.2", 5)) == "10.0.0.1 -> 10.0.0.2"
    assert str(Ends.of(flow(CLIENT, SERVICE))) == "10.244.0.2:40000 -> 10.96.0.7:80"
