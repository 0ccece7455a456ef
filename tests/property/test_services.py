"""A Service from every side: each kind, policy, mode, family and client, there and back again."""

from dataclasses import dataclass, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from netcore.model.address import packed, parse_address
from netcore.model.service import ServicePort
from netcore.pipeline.context import FromHost
from netcore.pipeline.verdict import Deliver, Drop, DropReason, Encap, Reject, ToHost
from netcore.service.schedulers import SCHEDULERS
from tests.support import frames
from tests.support.cluster import (
    CLIENT,
    CLIENT6,
    CLIENT_POD,
    CONFIG,
    GATEWAY,
    GATEWAY6,
    NODE1,
    NODE1_6,
    OUTSIDE,
    OUTSIDE6,
    WEB,
    WEB6,
    WEB_PODS,
    cluster,
    from_node,
    from_pod,
    service,
    slice_of,
)
from tests.support.decider import Decider, Outcome

EXTERNAL = {4: packed("192.0.2.1"), 16: packed("2001:db8::1")}
BALANCER = {4: packed("192.0.2.9"), 16: packed("2001:db8::9")}
PORTS = (ServicePort("http", "TCP", 80, 30080), ServicePort("dns", "UDP", 53, 30053))
POLICIES = st.sampled_from(("Cluster", "Local"))
SUBSETS = st.sets(st.integers(0, 2)).map(
    lambda chosen: tuple(WEB_PODS[at] for at in sorted(chosen))
)


@dataclass(frozen=True)
class Way:
    """From a client to an address and port of the Service, on node1."""

    client: bytes
    ingress: Any
    address: bytes
    is_node_port: bool
    is_udp: bool

    @property
    def port(self) -> int:
        port = PORTS[self.is_udp]
        return port.node_port if self.is_node_port else port.port

    @property
    def is_cluster_ip(self) -> bool:
        return self.address in (WEB, WEB6)

    @property
    def is_from_outside(self) -> bool:
        return self.client in (OUTSIDE, OUTSIDE6)


@st.composite
def ways(draw: st.DrawFn) -> Way:
    six = draw(st.booleans())
    width = 16 if six else 4
    client, ingress = draw(
        st.sampled_from(
            (
                (CLIENT6 if six else CLIENT, from_pod(CLIENT_POD)),
                (WEB_PODS[0].ips[six].packed, from_pod(WEB_PODS[0])),
                (OUTSIDE6 if six else OUTSIDE, FromHost()),
                (NODE1_6 if six else NODE1, FromHost()),
                (GATEWAY6 if six else GATEWAY, FromHost()),
            )
        )
    )
    node_ports = (NODE1_6, GATEWAY6) if six else (NODE1, GATEWAY)
    address = draw(
        st.sampled_from((WEB6 if six else WEB, EXTERNAL[width], BALANCER[width], *node_ports))
    )
    return Way(client, ingress, address, address in node_ports, draw(st.booleans()))


@st.composite
def nodes(draw: st.DrawFn) -> Decider:
    web = service(
        "web",
        50,
        type="LoadBalancer",
        ports=PORTS,
        external_ips=tuple(parse_address(text) for text in ("192.0.2.1", "2001:db8::1")),
        load_balancer_ips=tuple(parse_address(text) for text in ("192.0.2.9", "2001:db8::9")),
        external_traffic_policy=draw(POLICIES),
        internal_traffic_policy=draw(POLICIES),
        session_affinity=draw(st.sampled_from(("None", "ClientIP"))),
    )
    pods = draw(SUBSETS)
    config = replace(
        CONFIG,
        proxy_mode=draw(st.sampled_from(("iptables", "ipvs", "nftables", "ebpf"))),
        ipvs_scheduler=draw(st.sampled_from(tuple(SCHEDULERS))),
        lb_algorithm=draw(st.sampled_from(("random", "maglev"))),
    )
    lot = draw(st.integers(0, 10_000))
    objects = (config, web, slice_of("web", 4, pods), slice_of("web", 6, pods))
    return Decider(cluster(*objects), random_below=lambda n: lot % n)


def connect(node: Decider, way: Way, port: int = 40000) -> Outcome:
    build = frames.udp if way.is_udp else frames.tcp
    return node.send(build(way.client, way.address, port, way.port), way.ingress)


def serving(node: Decider, way: Way) -> tuple[bytes, ...]:
    """Who may answer: those of the Service, of this node alone where a policy `Local` holds."""
    web = node.snapshot.services["default", "web"]
    width = len(way.client)
    slices = node.snapshot.slices_of(web.key)
    everyone = [e for s in slices for e in s.endpoints if len(e.addresses[0].packed) == width]
    if way.is_cluster_ip:
        is_local = web.internal_traffic_policy == "Local"
    else:
        is_local = web.external_traffic_policy == "Local" and way.is_from_outside
    return tuple(e.addresses[0].packed for e in everyone if not is_local or e.node_name == "node1")


@settings(max_examples=400, deadline=None)
@given(nodes(), ways())
def test_a_connection_reaches_who_may_answer_and_the_answer_comes_back(node, way):
    may_answer = serving(node, way)
    there = connect(node, way)
    if not may_answer:
        nobody_at_all = not node.snapshot.frontends[WEB, 6, 80].backends
        refuses = nobody_at_all or node.snapshot.config.proxy_mode == "ebpf"
        assert isinstance(there.verdict, Reject if refuses else Drop)
        assert refuses or there.verdict == Drop(DropReason.SERVICE_BACKEND_NOT_FOUND)
        return
    source, source_port, backend, backend_port = there.ends
    assert backend in may_answer
    assert backend_port == (5353 if way.is_udp else 8080)
    assert frames.wrong_checksums(there.frame) == []
    pod = next(each for each in WEB_PODS if backend in {ip.packed for ip in each.ips})
    is_here = pod.node_name == "node1"
    assert isinstance(there.verdict, Deliver if is_here else Encap)
    answer = (frames.udp if way.is_udp else frames.tcp)(backend, source, backend_port, source_port)
    back = node.send(answer, from_pod(pod) if is_here else from_node(int(pod.node_name[-1])))
    assert back.ends == (way.address, way.port, way.client, 40000)
    assert frames.wrong_checksums(back.frame) == []
    is_pod = way.client in node.snapshot.pods_by_ip
    assert back.verdict == (Deliver(way.client) if is_pod else ToHost())


@settings(deadline=None)
@given(nodes(), ways())
def test_the_endpoint_sees_the_client_itself_where_the_policy_says_so(node, way):
    web = node.snapshot.services["default", "web"]
    if not serving(node, way):
        return
    there = connect(node, way)
    source, _, backend, _ = there.ends
    gateway = GATEWAY6 if len(way.client) == 16 else GATEWAY
    is_pod = way.client in node.snapshot.pods_by_ip
    keeps = is_pod if way.is_cluster_ip else web.external_traffic_policy == "Local" and (
        is_pod or way.is_from_outside
    )  # fmt: skip
    assert source == (way.client if keeps and backend != way.client else gateway)


@settings(deadline=None)
@given(nodes(), ways(), st.integers(1, 20))
def test_a_client_with_affinity_comes_to_the_same_endpoint_again(node, way, others):
    web = node.snapshot.services["default", "web"]
    if web.session_affinity != "ClientIP" or not serving(node, way):
        return
    first = connect(node, way).packet.dst
    node.random_below = lambda n: n - 1
    for number in range(others):
        other = packed(
            f"10.244.1.{100 + number}" if len(way.client) == 4 else f"fd00::{number + 9}"
        )
        connect(node, replace(way, client=other, ingress=FromHost()), 50000 + number)
    node.now_s += web.session_affinity_timeout_s - 1
    assert connect(node, way, 40001).packet.dst == first
