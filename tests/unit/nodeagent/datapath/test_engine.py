"""The engine between devices that only remember; decisions themselves are netcore's tests."""

import time
from dataclasses import dataclass, field, replace

import pytest

from netcore.conntrack.table import ConntrackTable
from netcore.model.change import Batch, Change
from netcore.packet.arp import ARP_REQUEST, ArpHeader
from netcore.packet.packet import parse_packet
from netcore.packet.protocols import ETHERTYPE_ARP, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN
from nodeagent.datapath.userspace import engine as engine_module
from nodeagent.datapath.userspace import flowcache
from nodeagent.datapath.userspace.engine import Engine, Port
from nodeagent.datapath.userspace.tunnel import Tunnel
from tests.datapath.backends import RecordingTap, RecordingTunnel, buffer_of
from tests.support.cluster import (
    CLIENT,
    CLIENT_POD,
    CONFIG,
    EMPTY,
    GATEWAY,
    OUTSIDE,
    WEB,
    WEB3,
    WEB_PODS,
    cluster,
    from_node,
    from_pod,
    service,
    slice_of,
    vtep_mac,
)
from tests.support.frames import (
    PEER,
    POD,
    POD_MAC,
    fragments,
    frame,
    icmp,
    reassembled,
    tcp,
    udp,
    wrong_checksums,
)

OWN_MAC = vtep_mac(1)
VNI = 1
CLIENT_MAC = b"\x0a\x58" + CLIENT


@dataclass
class Node:
    """node1's engine with the devices of its two pods."""

    tunnel: RecordingTunnel = field(default_factory=RecordingTunnel)
    host: RecordingTap = field(default_factory=lambda: RecordingTap(OWN_MAC))
    web: RecordingTap = field(default_factory=lambda: RecordingTap(POD_MAC))
    client: RecordingTap = field(default_factory=lambda: RecordingTap(CLIENT_MAC))

    def __post_init__(self) -> None:
        self.engine = Engine(
            cluster(), Tunnel(self.tunnel, VNI, may_coalesce=False), self.host, OWN_MAC
        )
        self.engine.add_pod((POD,), self.web)
        self.engine.add_pod((CLIENT,), self.client)
        self.from_web = Port(from_pod(WEB_PODS[0]), "pod default/web-1", self.web)
        self.from_client = Port(from_pod(CLIENT_POD), "pod default/client", self.client)
        self.from_node2 = Port(from_node(2), "tunnel 172.18.0.12", None)

    def handle(self, port: Port, data: bytearray) -> None:
        if port is self.from_client:
            data[6:12] = CLIENT_MAC
        self.engine.handle(port, buffer_of(data))

    def count(self, name: str) -> int:
        return self.engine.counters.read().get(name, 0)


@pytest.fixture
def node() -> Node:
    return Node()


def ends(data: bytes) -> tuple[bytes, int, bytes, int]:
    packet = parse_packet(data)
    return packet.src, packet.src_port, packet.dst, packet.dst_port


# Where frames go.


def test_to_a_pod_of_this_node(node):
    node.handle(node.from_client, tcp(CLIENT, POD))
    (sent,) = node.web.sent
    assert sent[:12] == POD_MAC + OWN_MAC
    assert parse_packet(sent).ttl == 63
    assert wrong_checksums(sent) == []
    assert (node.count("deliver_packets"), node.count("deliver_bytes")) == (1, 54)


def test_into_the_tunnel(node):
    node.handle(node.from_client, tcp(CLIENT, PEER))
    ((sent, destination),) = node.tunnel.sent
    assert destination == "172.18.0.12"
    assert sent[:12] == vtep_mac(2) + OWN_MAC
    assert node.count("encap_packets") == 1


def test_out_of_the_cluster(node):
    node.handle(node.from_client, tcp(CLIENT, OUTSIDE))
    assert ends(node.host.sent[0])[2:] == (OUTSIDE, 80)
    assert node.count("tohost_packets") == 1


def test_bytes_that_are_no_packet_are_counted(node):
    node.handle(node.from_client, tcp(CLIENT, POD)[:40])
    assert node.count("drop_ct_truncated_or_invalid_header") == 1


def test_drops_are_counted_by_reason(node):
    node.handle(node.from_client, tcp(POD, PEER))
    assert node.count("drop_invalid_source_ip") == 1
    assert not node.tunnel.sent


def test_a_pod_whose_device_is_gone(node):
    assert node.engine.has_pod(POD)
    node.engine.remove_pod((POD,))
    assert not node.engine.has_pod(POD)
    node.handle(node.from_client, tcp(CLIENT, POD))
    assert node.count("drop_stale_or_unroutable_ip") == 1


class FullTap(RecordingTap):
    def send(self, buffer: memoryview) -> bool:
        return False


def test_a_device_that_takes_no_more(node):
    node.engine.add_pod((POD,), FullTap(POD_MAC))
    node.handle(node.from_client, tcp(CLIENT, POD))
    assert (node.count("drop_queue_full"), node.count("deliver_packets")) == (1, 0)


def test_a_tunnel_that_takes_no_more(node):
    def refuse(*_: object) -> None:
        raise OSError(11, "try again")

    node.tunnel.send = refuse
    node.handle(node.from_client, tcp(CLIENT, PEER))
    assert node.count("drop_queue_full") == 1


def test_large_packets_leave_in_fragments(node):
    node.handle(node.from_client, udp(CLIENT, PEER, data=bytes(3000)))
    sizes = [parse_packet(sent).ip_length for sent, _ in node.tunnel.sent]
    assert sizes == [1444, 1444, 180]
    assert node.count("encap_packets") == 3


# Answers of the node itself.


def test_arp_is_answered(node):
    request = ArpHeader(ARP_REQUEST, POD_MAC, POD, b"\0" * 6, GATEWAY)
    node.handle(node.from_web, frame(ETHERTYPE_ARP, request.encode()))
    (answer,) = node.web.sent
    assert answer[6:12] == OWN_MAC
    assert node.count("reply_packets") == 1


def test_refused_tcp_is_reset_and_udp_gets_an_error(node):
    node.handle(node.from_client, tcp(CLIENT, EMPTY))
    node.handle(node.from_client, udp(CLIENT, EMPTY))
    reset, error = map(parse_packet, node.client.sent)
    assert reset.tcp_flags & TCP_RST
    assert (reset.src, reset.src_port) == (EMPTY, 80)
    assert error.src == GATEWAY
    assert error.quoted.dst == EMPTY
    assert node.count("reject_port_unreachable") == 2


def test_an_answer_to_a_tunnelled_packet_goes_through_the_tunnel(node):
    node.handle(node.from_node2, tcp(PEER, CLIENT, ttl=1))
    ((sent, destination),) = node.tunnel.sent
    error = parse_packet(sent)
    assert destination == "172.18.0.12"
    assert (error.src, error.dst, error.icmp_type) == (GATEWAY, PEER, 11)


def test_errors_are_not_answered_with_errors(node):
    doomed = icmp(PEER, CLIENT, 3, 3, body=bytes(udp(CLIENT, PEER)[14:]))
    doomed[22] = 1  # TTL
    node.handle(node.from_node2, doomed)
    assert node.count("reject_time_exceeded") == 1
    assert not node.tunnel.sent


# Conntrack and the flow cache.


def connect(node: Node) -> None:
    node.handle(node.from_client, tcp(CLIENT, POD))
    node.handle(node.from_web, tcp(POD, CLIENT, 80, 40000, flags=TCP_SYN | TCP_ACK))


def count_decisions(monkeypatch) -> list[int]:
    decided: list[int] = []
    real = engine_module.decide

    def counting(*args, **kwargs):
        decided.append(1)
        return real(*args, **kwargs)

    monkeypatch.setattr(engine_module, "decide", counting)
    return decided


def test_a_known_flow_is_not_decided_again(node, monkeypatch):
    connect(node)
    decided = count_decisions(monkeypatch)
    for _ in range(3):
        node.handle(node.from_client, tcp(CLIENT, POD, flags=TCP_ACK))
        node.handle(node.from_web, tcp(POD, CLIENT, 80, 40000, flags=TCP_ACK))
    assert decided == []
    (entry,) = node.engine.conntrack
    assert entry.packets == (4, 4)
    assert entry.state.name == "ESTABLISHED"
    assert all(parse_packet(sent).ttl == 63 for sent in node.web.sent)


@pytest.mark.parametrize(
    "data",
    [
        tcp(CLIENT, POD, flags=TCP_ACK, ttl=1),
        tcp(CLIENT, POD, flags=TCP_ACK, data=bytes(1411)),
    ],
)
def test_packets_that_are_special_are_decided(node, monkeypatch, data):
    connect(node)
    decided = count_decisions(monkeypatch)
    node.handle(node.from_client, data)
    assert decided == [1]


def test_a_new_snapshot_voids_what_is_cached(node, monkeypatch):
    connect(node)
    decided = count_decisions(monkeypatch)
    node.engine.use(cluster())
    node.handle(node.from_client, tcp(CLIENT, POD, flags=TCP_ACK))
    node.handle(node.from_client, tcp(CLIENT, POD, flags=TCP_ACK))
    assert decided == [1]


def test_who_watches_sees_every_packet(node):
    connect(node)
    seen: list[str] = []
    node.engine.watch(lambda time_ns, port, packet, decision, hops: seen.append(port.label))
    node.handle(node.from_client, tcp(CLIENT, POD, flags=TCP_ACK))
    node.handle(node.from_web, tcp(POD, CLIENT, 80, 40000, flags=TCP_ACK))
    assert seen == ["pod default/client", "pod default/web-1"]


def test_flows_that_nobody_watches_stay_fast(node, monkeypatch):
    connect(node)
    decided = count_decisions(monkeypatch)

    def packets(count):
        for _ in range(count):
            node.handle(node.from_client, tcp(CLIENT, POD, flags=TCP_ACK))
        return len(decided)

    def nobody(*seen): ...

    def somebody(*seen): ...

    node.engine.watch(nobody, frozenset({OUTSIDE}))
    assert packets(5) == 1  # its cache is made anew
    node.engine.watch(somebody, frozenset({POD}))
    assert packets(5) == 1 + 5
    node.engine.unwatch(somebody)
    assert packets(5) == 1 + 5 + 1
    node.engine.watch(somebody)
    assert packets(5) == 1 + 5 + 1 + 5


def test_a_reopened_flow_is_followed_by_both_directions(node):
    """The answer's direction was cached for the flow that the new one replaced."""
    connect(node)
    node.handle(node.from_client, tcp(CLIENT, POD, flags=TCP_FIN | TCP_ACK))
    node.handle(node.from_web, tcp(POD, CLIENT, 80, 40000, flags=TCP_FIN | TCP_ACK))
    connect(node)
    (entry,) = node.engine.conntrack
    assert entry.packets == (1, 1)
    assert entry.state.name == "SYN_RECV"


def test_an_expired_flow_is_decided_anew(node, monkeypatch):
    connect(node)
    (entry,) = node.engine.conntrack
    node.engine.conntrack.remove(entry)
    decided = count_decisions(monkeypatch)
    node.handle(node.from_client, tcp(CLIENT, POD, flags=TCP_ACK))
    assert decided == [1]
    (again,) = node.engine.conntrack
    assert again is not entry


def test_errors_and_fragments_are_not_cached(node, monkeypatch):
    node.handle(node.from_client, udp(CLIENT, WEB))
    error = icmp(POD, CLIENT, 3, 3, body=bytes(udp(CLIENT, POD, dport=5353)[14:]))
    decided = count_decisions(monkeypatch)
    for _ in range(2):
        node.handle(node.from_web, bytearray(error))
    assert len(decided) == 2
    (sent, _) = node.client.sent
    assert parse_packet(sent).quoted.dst == WEB
    assert wrong_checksums(sent) == []


def test_fragments_follow_their_first_one_also_in_a_cached_flow(node):
    """The first fragment must be decided, however well its flow is known."""
    large = bytes(range(256)) * 20
    for _ in range(3):
        node.handle(node.from_client, udp(CLIENT, WEB))
    for identification in (7, 8):
        node.web.sent.clear()
        for part in fragments(udp(CLIENT, WEB, data=large), 1400, identification):
            node.handle(node.from_client, part)
        whole = reassembled(node.web.sent)
        assert ends(whole) == (CLIENT, 40000, POD, 5353)
        assert wrong_checksums(whole) == []
    node.handle(node.from_client, udp(CLIENT, WEB))
    assert parse_packet(node.web.sent[-1]).dst == POD


def test_a_fragment_that_overtakes_its_first_one_is_dropped_and_counted(node):
    first, later, last = fragments(udp(CLIENT, WEB, data=bytes(3000)), 1400)
    for part in (later, first, last):
        node.handle(node.from_client, part)
    assert node.count("drop_ip_fragmentation_not_supported") == 1
    assert [parse_packet(sent).fragment_offset for sent in node.web.sent] == [0, 2800]


def test_a_datagram_that_conntrack_refuses_leaves_nothing_to_follow(node, monkeypatch):
    monkeypatch.setattr(node.engine.conntrack, "insert", lambda entry, now: False)
    for part in fragments(udp(CLIENT, WEB, data=bytes(2000)), 1400):
        node.handle(node.from_client, part)
    assert node.count("drop_ct_map_insertion_failed") == 1
    assert node.count("drop_ip_fragmentation_not_supported") == 1
    assert len(node.engine.conntrack.fragments) == 0


def test_all_fragments_of_a_datagram_take_one_way_through_the_tunnel(node, monkeypatch):
    hashes: list[int] = []
    monkeypatch.setattr(node.tunnel, "send", lambda flow_hash, *_: hashes.append(flow_hash))
    for part in fragments(udp(CLIENT, PEER, data=bytes(3000)), 1400):
        node.handle(node.from_client, part)
    assert len(hashes) == 3
    assert len(set(hashes)) == 1


def test_first_fragments_are_forgotten_in_time(node):
    for part in fragments(udp(CLIENT, WEB, data=bytes(2000)), 1400):
        node.handle(node.from_client, part)
    assert len(node.engine.conntrack.fragments) == 1
    node.engine.expire(time.monotonic() + 31)
    assert len(node.engine.conntrack.fragments) == 0


def test_the_cache_is_bounded(node, monkeypatch):
    monkeypatch.setattr(flowcache, "_CACHED_FLOWS_PER_PORT", 3)
    for port in range(1, 8):
        node.handle(node.from_client, udp(CLIENT, POD, port))
    flows = node.from_client.flows
    assert 0 < len(flows.tcp) + len(flows.udp) <= 3
    assert len(flows.other) <= 3


def test_a_full_table_drops_and_counts(node):
    small = ConntrackTable(max_entries=1)
    node.engine.conntrack = node.engine._tracking.conntrack = small
    node.handle(node.from_client, tcp(CLIENT, POD, 1, flags=TCP_ACK))
    node.handle(node.from_web, tcp(POD, CLIENT, 80, 1, flags=TCP_ACK))
    node.handle(node.from_client, udp(CLIENT, POD, 2))
    assert node.count("drop_ct_map_insertion_failed") == 1
    assert len(node.web.sent) == 1


def test_a_flow_that_conntrack_refuses_after_all_is_dropped(node, monkeypatch):
    monkeypatch.setattr(node.engine.conntrack, "insert", lambda entry, now: False)
    node.handle(node.from_client, udp(CLIENT, POD))
    assert node.count("drop_ct_map_insertion_failed") == 1
    assert not node.web.sent


def test_turns_advance_with_connections_and_go_with_their_service(node):
    for port in range(1, 4):
        node.handle(node.from_client, udp(CLIENT, WEB, port))
    assert [ends(sent)[2] for sent in node.web.sent] == [POD]
    assert len(node.tunnel.sent) == 2
    assert node.engine.balancing.turn((WEB, 17, 53)) == 3
    gone = Change(service("web", 50), deleted=True)
    node.engine.use(cluster().advance(Batch("epoch", 2, (gone,))))
    node.engine.expire(time.monotonic())
    assert node.engine.balancing.turn((WEB, 17, 53)) == 0


def test_what_has_expired_is_swept(node):
    node.handle(node.from_client, udp(CLIENT, POD))
    (entry,) = node.engine.conntrack
    node.engine.expire(entry.expires_at + 1)
    node.engine.expire(entry.expires_at + 2)
    assert len(node.engine.conntrack) == 0


def test_a_slice_without_its_pods_still_routes(node):
    node.engine.use(cluster(slice_of("web", 4, WEB_PODS[1:2])))
    node.handle(node.from_client, tcp(CLIENT, WEB))
    assert node.tunnel.sent[0][1] == "172.18.0.12"


def test_time_and_chance_are_those_that_it_is_given():
    given = Node()
    given.engine = Engine(
        cluster(replace(CONFIG, proxy_mode="nftables")),
        Tunnel(given.tunnel, VNI, may_coalesce=False),
        given.host,
        OWN_MAC,
        clock=lambda: 5000.0,
        random_below=lambda n: n - 1,
    )
    for port in range(1, 4):
        given.handle(given.from_client, udp(CLIENT, WEB, port))
    assert {entry.reply.src for entry in given.engine.conntrack} == {WEB3}
    assert {entry.expires_at - entry.state.timeout_s for entry in given.engine.conntrack} == {5000}
