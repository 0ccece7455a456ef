"""Which node a packet goes to."""

from collections import Counter

import pytest

from cloudlb.network.balancer import Drop, Forward, NetworkBalancer, NetworkFrontend
from netcore.model.address import packed
from netcore.packet.packet import parse_packet
from netcore.packet.protocols import PROTOCOL_TCP, PROTOCOL_UDP
from tests.support import frames
from tests.unit.cloudlb.objects import ranges

VIP, VIP6 = packed("172.18.255.1"), packed("fd00::1")
CLIENT, CLIENT6 = packed("172.18.0.99"), packed("fd00::99")
NODES = tuple(packed(f"172.18.0.{number}") for number in (11, 12, 13))
NODES6 = tuple(packed(f"fd00::{number}") for number in (11, 12, 13))


def balancer(vip=VIP, targets=NODES, protocol=PROTOCOL_TCP, port=80, **frontend):
    made = NetworkBalancer()
    made.use({(vip, protocol, port): NetworkFrontend(targets, **frontend)})
    return made


def decide(made, frame, now_s=0.0):
    return made.decide(parse_packet(frame), now_s)


def syn(sport=40000, client=CLIENT, vip=VIP, dport=80):
    return frames.tcp(client, vip, sport, dport)


@pytest.mark.parametrize(
    ("client", "vip", "nodes"), [(CLIENT, VIP, NODES), (CLIENT6, VIP6, NODES6)]
)
def test_connections_spread_over_the_nodes_and_each_stays(client, vip, nodes):
    made = balancer(vip, nodes)
    first = [decide(made, syn(sport, client, vip)) for sport in range(1000, 1300)]
    counts = Counter(first)
    assert set(counts) == {Forward(node) for node in nodes}
    assert min(counts.values()) > 50
    assert [decide(made, syn(sport, client, vip)) for sport in range(1000, 1300)] == first


def test_another_balancer_decides_alike():
    one = [decide(balancer(), syn(sport)) for sport in range(20)]
    assert one == [decide(balancer(targets=NODES[::-1]), syn(sport)) for sport in range(20)]


def test_client_affinity():
    made = balancer(by_client=True)
    assert len({decide(made, syn(sport)) for sport in range(100)}) == 1
    clients = [packed(f"10.0.0.{number}") for number in range(50)]
    assert len({decide(made, syn(1, client)) for client in clients}) == 3


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (syn(vip=packed("172.18.255.2")), "not-ours"),
        (syn(dport=81), "no-listener"),
        (frames.udp(CLIENT, VIP, 1, 80), "no-listener"),
        (frames.echo(CLIENT, VIP), "no-listener"),
        (frames.fragment(CLIENT, VIP, PROTOCOL_UDP, b"x" * 8, 8, more=False), "fragment-without"),
    ],
)
def test_what_is_not_passed_on(frame, reason):
    decision = decide(balancer(), frame)
    assert isinstance(decision, Drop)
    assert reason in decision.reason


def test_without_a_healthy_node():
    assert decide(balancer(targets=()), syn()) == Drop("no-healthy-node")


def test_source_ranges_of_both_families():
    sources = ranges("172.18.0.96/28", "10.0.0.0/8", "fd00::90/124")
    frontend = NetworkFrontend(NODES, sources)
    inside = ("172.18.0.96", "172.18.0.111", "10.255.0.1", "fd00::9f")
    outside = ("172.18.0.95", "172.18.0.112", "11.0.0.0", "fd00::a0", "::a00:1")
    assert all(frontend.admits(packed(text)) for text in inside)
    assert not any(frontend.admits(packed(text)) for text in outside)
    assert NetworkFrontend(NODES, ranges("0.0.0.0/0")).admits(CLIENT)
    assert not NetworkFrontend(NODES, ranges("0.0.0.0/0")).admits(CLIENT6)
    made = balancer(sources=ranges("10.0.0.0/8"))
    assert decide(made, syn()) == Drop("source-range")


def test_a_flow_stays_while_nodes_come_and_leaves_with_its_node():
    made = balancer(targets=NODES[:2])
    before = {sport: decide(made, syn(sport)).node for sport in range(100)}
    made.use({(VIP, PROTOCOL_TCP, 80): NetworkFrontend(NODES)})
    assert {sport: decide(made, syn(sport)).node for sport in range(100)} == before
    made.use({(VIP, PROTOCOL_TCP, 80): NetworkFrontend(NODES[1:])})
    after = {sport: decide(made, syn(sport)).node for sport in range(100)}
    assert NODES[0] not in after.values()
    assert all(after[sport] == node for sport, node in before.items() if node == NODES[1])


@pytest.mark.parametrize(
    ("client", "vip", "nodes", "kind"),
    [(CLIENT, VIP, NODES, 3), (CLIENT6, VIP6, NODES6, 2)],
)
def test_an_icmp_error_follows_the_flow(client, vip, nodes, kind):
    made = balancer(vip, nodes)
    router = packed("172.18.0.1") if len(vip) == 4 else packed("fd00::ffff")
    for sport in range(20):
        node = decide(made, syn(sport, client, vip))
        quote = bytes(frames.tcp(vip, client, 80, sport)[14:])
        assert decide(made, frames.icmp(router, vip, kind, 4, body=quote)) == node


def test_an_icmp_error_for_another_is_not_ours():
    quote = bytes(frames.tcp(VIP, CLIENT, 80, 40000)[14:])
    error = frames.icmp(CLIENT, packed("172.18.0.7"), 3, 4, body=quote)
    assert decide(balancer(), error) == Drop("not-ours")
    other = bytes(frames.tcp(CLIENT, VIP, 80, 40000)[14:])
    assert decide(balancer(), frames.icmp(CLIENT, VIP, 3, 4, body=other)) == Drop("not-ours")


@pytest.mark.parametrize(
    ("client", "vip", "nodes"), [(CLIENT, VIP, NODES), (CLIENT6, VIP6, NODES6)]
)
def test_fragments_follow_the_first(client, vip, nodes):
    made = balancer(vip, nodes, PROTOCOL_UDP, 53)
    for number in range(20):
        whole = frames.udp(client, vip, 1000 + number, 53, b"x" * 40)
        datagram = bytes(whole[34 if len(vip) == 4 else 54 :])
        first, last = (
            frames.fragment(
                client, vip, PROTOCOL_UDP, piece, at, more=at == 0, identification=number
            )
            for at, piece in ((0, datagram[:24]), (24, datagram[24:]))
        )
        assert decide(made, last) == Drop("fragment-without-first")
        decision = decide(made, first)
        assert isinstance(decision, Forward)
        assert decide(made, last) == decision
    made.expire(31.0)
    assert decide(made, last, 31.0) == Drop("fragment-without-first")
