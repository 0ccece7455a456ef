"""The network balancer: stickiness, bounds, and frames of every kind."""

from ipaddress import ip_address, ip_network

from hypothesis import given, settings
from hypothesis import strategies as st

from cloudlb.network.balancer import Forward, NetworkBalancer, NetworkFrontend
from cloudlb.network.flows import FlowTable
from netcore.model.errors import PacketError
from netcore.packet.packet import parse_packet
from tests.property.packets import ipv4, ipv6, u16, valid_frames
from tests.support import frames
from tests.unit.cloudlb.network.support import HEADER, MAC, forwarder

VIP, VIP6 = bytes((10, 9, 9, 9)), bytes(range(16))
NODE, NODE6 = bytes((10, 9, 9, 1)), bytes(range(1, 17))
NODE_MAC = b"\x02nodes"
TARGETS = st.sets(ipv4, min_size=2, max_size=8).map(sorted).map(tuple)
CLIENTS = st.lists(st.tuples(ipv4, u16), min_size=1, max_size=50, unique=True)


def nodes_of(balancer, clients):
    found = {}
    for source, port in clients:
        decision = balancer.decide(parse_packet(frames.tcp(source, VIP, port, 80)), 0.0)
        assert isinstance(decision, Forward)
        found[source, port] = decision.node
    return found


@given(TARGETS, CLIENTS, st.data())
@settings(deadline=None, max_examples=30)
def test_only_flows_of_the_node_that_went_move(targets, clients, data):
    gone = data.draw(st.sampled_from(targets))
    balancer = NetworkBalancer()
    balancer.use({(VIP, 6, 80): NetworkFrontend(targets)})
    before = nodes_of(balancer, clients)
    left = tuple(target for target in targets if target != gone)
    balancer.use({(VIP, 6, 80): NetworkFrontend(left)})
    after = nodes_of(balancer, clients)
    assert gone not in after.values()
    assert all(after[flow] == node for flow, node in before.items() if node != gone)
    balancer.use({(VIP, 6, 80): NetworkFrontend(targets)})
    assert nodes_of(balancer, clients) == after


@given(st.lists(ipv4.map(ip_address) | ipv6.map(ip_address), max_size=4), st.data())
def test_source_ranges_are_as_ipaddress_sees_them(addresses, data):
    sources = tuple(
        ip_network((address, data.draw(st.integers(0, address.max_prefixlen))), strict=False)
        for address in addresses
    )
    client = data.draw(ipv4 | ipv6)
    own = [each for each in sources if each.version == ip_address(client).version]
    expected = not sources or any(ip_address(client) in each for each in own)
    assert NetworkFrontend((NODE,), sources).admits(client) is expected


@given(st.integers(1, 5), st.lists(st.tuples(st.integers(0, 9), st.integers(0, 20)), max_size=60))
def test_the_flow_table_is_bounded_and_forgets_the_idle(most, uses):
    table, now_s = FlowTable[int](most, idle_s=10), 0.0
    model = {}
    for key, pause_s in uses:
        now_s += pause_s
        expected = model.get(key, -100.0)
        found = table.find(key, now_s)
        assert found in (None, bytes([key]))
        if found:
            assert now_s - expected <= 10
        table.put(key, bytes([key]), now_s)
        model[key] = now_s
        assert len(table) <= most
        assert table.find(key, now_s) == bytes([key])
    table.expire(now_s + 10.5)
    assert len(table) == 0


ADDRESSES = st.sampled_from([VIP, NODE]) | ipv4
PORTS = st.just(80) | u16
ICMP_ERRORS = st.sampled_from([1, 2, 3, 11])  # of both families
ADDRESSES6 = st.sampled_from([VIP6, NODE6]) | ipv6


@st.composite
def taken(draw):
    """Anything: noise, frames, and frames about our addresses with some bytes changed."""
    kind = draw(st.sampled_from(["noise", "frame", "ours", "error"]))
    if kind == "noise":
        return draw(st.binary(max_size=120))
    if kind == "frame":
        frame = draw(valid_frames())
    else:
        ends = draw(st.sampled_from([ADDRESSES, ADDRESSES6]))
        frame = frames.tcp(draw(ends), draw(ends), draw(PORTS), draw(PORTS))
        if kind == "error":
            quote, sender, receiver = bytes(frame[14:]), draw(ends), draw(ends)
            frame = frames.icmp(sender, receiver, draw(ICMP_ERRORS), body=quote)
    frame[:6] = draw(st.sampled_from([MAC, b"\xff" * 6, NODE_MAC]))
    for at, value in draw(
        st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=3)
    ):
        if at < len(frame):
            frame[at] = value
    return draw(st.binary(min_size=HEADER, max_size=HEADER)) + bytes(frame)


def is_about(frame, addresses):
    try:
        packet = parse_packet(frame, HEADER)
    except PacketError:
        return False
    return packet.dst in addresses and packet.dst_mac == MAC


@given(st.lists(taken(), max_size=6))
@settings(deadline=None, max_examples=400)
def test_no_frame_is_too_much_and_only_those_for_our_addresses_go_on(received):
    frontends = {
        (VIP, 6, 80): NetworkFrontend((NODE,)),
        (VIP6, 6, 80): NetworkFrontend((NODE6,)),
    }
    forward, device = forwarder(frontends, (NODE, NODE6))
    for node in (NODE, NODE6):
        heard = frames.tcp(node, node, 10256, 1)
        heard[:12] = MAC + NODE_MAC
        device.waiting.append(bytes(HEADER) + bytes(heard))
    forward.drain()
    for one in received:
        device.waiting.append(one)
        device.sent.clear()
        before = forward.counters["forwarded"]
        forward.drain()
        if forward.counters["forwarded"] > before:
            assert is_about(one, (VIP, VIP6))
            assert [sent[:HEADER] for sent in device.sent] == [one[:HEADER]]
            assert [sent[HEADER + 12 :] for sent in device.sent] == [one[HEADER + 12 :]]
        elif device.sent:
            assert forward.counters["answered neighbour"]
