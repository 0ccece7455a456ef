from kubehop.tracing.journey import Sight, journeys
from kubehop.tracing.names import Names
from kubehop.tracing.render import render
from tests.unit.kubehop.tracelines import (
    CLIENT,
    answer_received,
    answered,
    flow,
    hop,
    packet,
    received,
    sent,
)

NAMES = Names(
    {
        "10.244.0.2": "pod web",
        "10.244.1.2": "pod db",
        "10.96.0.7": "Service backend",
        "172.18.0.11": "node n1",
        "172.18.0.12": "node n2",
    }
)


def text(*lines, every=False):
    found = journeys([Sight.of(line) for line in lines])
    return "\n".join(render(found, NAMES, every=every))


def test_one_packet_is_told_from_pod_to_pod():
    assert text(sent(), received()) == (
        " 1. TCP SYN, 60 bytes: pod web -> Service backend\n"
        "    on n1, out of pod default/web\n"
        "      service     because  [row]\n"
        "                  destination 10.96.0.7:80 (Service backend) becomes "
        "10.244.1.2:80 (pod db)\n"
        "      encap       because  [row]\n"
        "      => into the VXLAN tunnel to node n2 (172.18.0.12), UDP 4789\n"
        "    on n2, out of the VXLAN tunnel, from node n1\n"
        "      deliver     because  [row]\n"
        "      => delivered to pod db\n"
    )


def test_the_way_back_is_told_too():
    shown = text(answered(), answer_received())

    assert " 1. TCP SYN,ACK, 60 bytes: pod db -> pod web" in shown
    assert "source 10.244.1.2:80 (pod db) becomes 10.96.0.7:80 (Service backend)" in shown


def test_packets_of_the_same_way_are_counted_not_repeated():
    lines = [sent(), received(), sent("TCP ACK", 52), received("TCP ACK", 52)]

    assert "(1 more packet goes the same way)" in text(*lines)
    assert text(*lines).count("Service backend\n") == 1
    assert "more packet" not in text(*lines, every=True)
    assert " 2. TCP ACK, 52 bytes" in text(*lines, every=True)


def test_dns_is_called_by_its_name():
    question = flow(CLIENT, ("10.96.0.10", 53), "UDP")
    line = packet("n1", "pod default/web", "UDP", [hop("service", question, question)], "ToHost")

    assert "DNS question (UDP, 60 bytes): pod web -> 10.96.0.10" in text(line)
    assert "=> to the node's own network" in text(line)


def test_an_answer_to_the_node_is_told_by_what_its_receiver_sees():
    outer = flow(("172.18.0.3", 53), ("172.18.0.11", 61000), "UDP")
    inner = flow(("10.96.0.10", 53), CLIENT, "UDP")
    line = packet("n1", "host", "UDP", [hop("conntrack", outer, inner)], "Deliver", CLIENT[0])

    shown = text(line)

    assert "DNS answer (UDP, 60 bytes): 10.96.0.10 -> pod web" in shown
    assert "on n1, from the node's own network" in shown


def test_a_drop_says_its_reason():
    line = {**sent(), "hops": [], "verdict": "Drop", "verdictDetail": "spoofed source"}

    assert "=> Drop spoofed source" in text(line)
