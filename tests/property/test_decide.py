"""What holds for every decision, whatever the packet."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netcore.model.address import packed
from netcore.model.errors import PacketError
from netcore.packet.arp import ArpHeader
from netcore.packet.packet import parse_packet
from netcore.packet.protocols import ETHERTYPE_ARP
from netcore.pipeline.context import FromHost, FromPod, FromTunnel
from netcore.pipeline.verdict import Deliver, Drop, DropReason, Encap, Reject, Reply, ToHost
from tests.support import frames
from tests.support.cluster import (
    CLIENT,
    CLIENT6,
    CLIENT_POD,
    EMPTY,
    GATEWAY,
    NODE1,
    NODE1_6,
    NODE2,
    OUTSIDE,
    OUTSIDE6,
    WEB,
    WEB6,
    WEB_PODS,
    cluster,
    from_node,
    from_pod,
)
from tests.support.decider import Decider, Outcome
from tests.support.frames import PEER, PEER6, POD, POD6

SNAPSHOT = cluster()
INGRESSES = st.sampled_from(
    (
        from_pod(CLIENT_POD),
        from_pod(WEB_PODS[0]),
        from_node(2),
        from_node(3),
        FromTunnel(OUTSIDE),
        FromHost(),
    )
)
V4 = st.sampled_from(
    (POD, CLIENT, PEER, WEB, EMPTY, GATEWAY, NODE1, NODE2, OUTSIDE, b"\xe0\0\0\1", b"\0\0\0\0")
) | st.binary(min_size=4, max_size=4)
V6 = st.sampled_from(
    (POD6, CLIENT6, PEER6, WEB6, OUTSIDE6, packed("fe80::1"), packed("ff02::1"), bytes(16))
) | st.binary(min_size=16, max_size=16)
ENDS = st.tuples(V4, V4) | st.tuples(V6, V6)
PORTS = st.sampled_from((0, 1, 53, 80, 5353, 8080, 40000, 61000, 65535))
TTLS = st.sampled_from((0, 1, 2, 64, 255))


@st.composite
def whole_frames(draw: st.DrawFn) -> bytearray:
    src, dst = draw(ENDS)
    match draw(st.sampled_from(("tcp", "udp", "echo", "icmp", "error", "raw", "arp"))):
        case "tcp":
            flags = draw(st.integers(0, 0x3F))
            return frames.tcp(src, dst, draw(PORTS), draw(PORTS), flags=flags, ttl=draw(TTLS))
        case "udp":
            size = draw(st.sampled_from((0, 64, 1422, 1423, 3000)))
            cut = draw(st.booleans())
            return frames.udp(src, dst, draw(PORTS), draw(PORTS), bytes(size), dont_fragment=cut)
        case "echo":
            return frames.echo(src, dst, draw(PORTS))
        case "icmp":
            return frames.icmp(src, dst, draw(st.integers(0, 255)), body=draw(st.binary()))
        case "error":
            quoted = frames.udp(dst, src, draw(PORTS), draw(PORTS))[14:]
            return frames.icmp(src, dst, 3 if len(src) == 4 else 1, body=bytes(quoted))
        case "arp" if len(src) == 4:
            arp = ArpHeader(draw(st.integers(1, 3)), frames.POD_MAC, src, bytes(6), dst)
            return frames.frame(ETHERTYPE_ARP, arp.encode())
        case _:
            offset = draw(st.integers(0, 100)) * 8
            body = draw(st.binary(max_size=40))
            return frames.ip(src, dst, draw(st.integers(0, 255)), body, fragment_offset=offset)


@st.composite
def damaged_frames(draw: st.DrawFn) -> bytearray:
    data = draw(whole_frames())
    for _ in range(draw(st.integers(0, 4))):
        data[draw(st.integers(0, min(len(data), 80) - 1))] = draw(st.integers(0, 255))
    return data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(whole_frames() | damaged_frames(), INGRESSES), max_size=6))
def test_every_packet_that_can_be_parsed_is_decided(sequence):
    """`Decider` also sees to it that a trace does not change a decision."""
    node = Decider(SNAPSHOT)
    for data, ingress in sequence:
        try:
            parse_packet(data)
        except PacketError:
            continue
        check(node.send(data, ingress), ingress)


def check(outcome: Outcome, ingress: FromPod | FromTunnel | FromHost) -> None:
    decision = outcome.decision
    match outcome.verdict:
        case Drop() | Reply():
            assert decision.entry is None
            assert outcome.hops, "a dropped packet has a right to a reason"
        case Reject():
            assert decision.entry is None
            assert not decision.is_new
        case Encap():
            assert not isinstance(ingress, FromTunnel)
        case Deliver(ip):
            assert outcome.packet.dst == ip
        case ToHost():
            assert decision.fragment_to_bytes == 0


@given(st.binary(max_size=120), INGRESSES)
def test_any_bytes_are_decided_or_refused_by_the_parser(data, ingress):
    node = Decider(SNAPSHOT)
    try:
        parse_packet(data)
    except PacketError:
        return
    check(node.send(data, ingress), ingress)


# Translation and back again.

SERVICES = st.sampled_from(((WEB, CLIENT), (WEB6, CLIENT6), (WEB, POD), (WEB6, POD6)))
LOTS = st.integers(0, 10_000)


@given(SERVICES, st.integers(1, 65535), st.integers(0, 2), st.booleans(), LOTS)
def test_the_answer_through_a_service_restores_the_tuple(ends, port, turn, is_udp, lot):
    service, me = ends
    owner = CLIENT_POD if me in (CLIENT, CLIENT6) else WEB_PODS[0]
    dport, build = (53, frames.udp) if is_udp else (80, frames.tcp)
    node = Decider(SNAPSHOT, random_below=lambda n: lot % n)
    node.turn_to((service, 17 if is_udp else 6, dport), turn)
    there = node.send(build(me, service, port, dport), from_pod(owner))
    source, source_port, backend, backend_port = there.ends
    assert frames.wrong_checksums(there.frame) == []
    answering = next(pod for pod in WEB_PODS if backend in {ip.packed for ip in pod.ips})
    number = int(answering.node_name[-1])
    ingress = from_pod(answering) if number == 1 else from_node(number)
    back = node.send(build(backend, source, backend_port, source_port), ingress)
    assert back.verdict == Deliver(me)
    assert back.ends == (service, dport, me, port)
    assert back.decision.entry is there.decision.entry
    assert frames.wrong_checksums(back.frame) == []


@pytest.mark.parametrize(("me", "outside"), [(CLIENT, OUTSIDE), (CLIENT6, OUTSIDE6)])
@given(st.integers(1, 65535), st.integers(1, 65535), LOTS)
def test_the_answer_from_outside_restores_the_tuple(me, outside, port, dport, lot):
    node = Decider(SNAPSHOT, random_below=lambda n: lot % n)
    there = node.send(frames.tcp(me, outside, port, dport), from_pod(CLIENT_POD))
    own, own_port, _, _ = there.ends
    back = node.send(frames.tcp(outside, own, dport, own_port, flags=0x12), FromHost())
    assert back.verdict == Deliver(me)
    assert back.ends == (outside, dport, me, port)


# Fragments.

TARGETS = st.sampled_from(
    ((CLIENT, WEB), (CLIENT6, WEB6), (CLIENT, OUTSIDE), (CLIENT6, OUTSIDE6), (CLIENT, PEER))
)
DATAGRAMS = st.tuples(TARGETS, st.integers(1, 3), st.integers(1, 3), st.integers(0, 300))


@given(st.lists(DATAGRAMS, min_size=1, max_size=4), st.integers(1, 8), st.randoms(), LOTS)
def test_fragments_in_any_order_follow_their_first_one_or_stay(datagrams, units, chance, lot):
    """Also when identifications and ports are used again, and datagrams are interleaved."""
    node = Decider(SNAPSHOT, random_below=lambda n: lot % n)
    parts: list[bytearray] = []
    for (me, target), port, identification, size in datagrams:
        whole = frames.udp(me, target, port, 53, bytes(size))
        parts += frames.fragments(whole, 8 * units, identification)
    chance.shuffle(parts)
    for part in parts:
        outcome = node.send(part, from_pod(CLIENT_POD))
        match outcome.verdict:
            case Drop(reason):
                assert reason is DropReason.IP_FRAGMENTATION_NOT_SUPPORTED
                assert parse_packet(part).fragment_offset
            case ToHost():
                assert outcome.packet.src in (NODE1, NODE1_6)
            case _:
                assert outcome.packet.dst not in (WEB, WEB6)


@pytest.mark.parametrize("is_reply", [False, True])
@given(TARGETS, st.binary(max_size=300), st.integers(1, 8), LOTS)
def test_fragments_in_their_order_arrive_whole(is_reply, ends, data, units, lot):
    me, target = ends
    node = Decider(SNAPSHOT, random_below=lambda n: lot % n)
    ingress: FromPod | FromTunnel | FromHost = from_pod(CLIENT_POD)
    whole, source = frames.udp(me, target, 7, 53, data), (me, 7)
    if is_reply:
        node.turn_to((target, 17, 53), 1)  # of the other node
        sent = node.send(frames.udp(me, target, 7, 53), ingress)
        ingress = FromHost() if sent.verdict == ToHost() else from_node(2)
        src, sport, dst, dport = sent.ends
        whole, source = frames.udp(dst, src, dport, sport, data), (target, 53)
    outcomes = [node.send(part, ingress) for part in frames.fragments(whole, 8 * units)]
    arrived = frames.reassembled([each.frame for each in outcomes])
    assert arrived[len(arrived) - len(data) :] == data
    assert frames.wrong_checksums(arrived) == []
    packet = parse_packet(arrived)
    if is_reply or source[0] == packet.src:
        assert (packet.src, packet.src_port) == source
    assert len({each.verdict for each in outcomes}) == 1


@given(st.lists(st.tuples(SERVICES, st.integers(1, 3), st.booleans()), max_size=12), LOTS)
def test_no_two_flows_expect_the_same_answer(attempts, lot):
    """Direct and translated flows from few ports: the table must take each of them."""
    node = Decider(SNAPSHOT, random_below=lambda n: lot % n)
    for (service, me), port, is_direct in attempts:
        owner = CLIENT_POD if me in (CLIENT, CLIENT6) else WEB_PODS[0]
        peer = PEER if len(me) == 4 else PEER6
        target = (peer, 8080) if is_direct else (service, 80)
        outcome = node.send(frames.tcp(me, target[0], port, target[1]), from_pod(owner))
        assert isinstance(outcome.verdict, Deliver | Encap)
        reply = outcome.decision.entry.reply
        assert node.flows.lookup(reply) == (outcome.decision.entry, True)
