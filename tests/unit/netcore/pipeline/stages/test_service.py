from dataclasses import replace

import pytest

from netcore.model.address import packed, parse_address, parse_network
from netcore.model.endpoint import Endpoint
from netcore.model.service import ServicePort
from netcore.packet.packet import parse_packet
from netcore.pipeline.context import FromHost
from netcore.pipeline.trace import Stage
from netcore.pipeline.verdict import Deliver, Drop, DropReason, Encap, Reject, RejectKind, ToHost
from tests.support.cluster import (
    CLIENT,
    CLIENT6,
    CLIENT_POD,
    CONFIG,
    EMPTY,
    EMPTY6,
    GATEWAY,
    NODE1,
    OUTSIDE,
    WEB,
    WEB3,
    WEB6,
    WEB_PODS,
    batch,
    cluster,
    from_node,
    from_pod,
    service,
    slice_of,
)
from tests.support.decider import Decider
from tests.support.frames import PEER, PEER6, POD, POD6, echo, ip, sctp, tcp, udp

ME = from_pod(CLIENT_POD)
REFUSED = Reject(RejectKind.PORT_UNREACHABLE)


def test_connections_go_round_robin_and_stay_where_they_began(node1):
    first = node1.send(tcp(CLIENT, WEB, 1001), ME)
    second = node1.send(tcp(CLIENT, WEB, 1002), ME)
    third = node1.send(tcp(CLIENT, WEB, 1003), ME)
    fourth = node1.send(tcp(CLIENT, WEB, 1004), ME)
    assert [each.packet.dst for each in (first, second, third, fourth)] == [POD, PEER, WEB3, POD]
    assert first.verdict == Deliver(POD)
    assert isinstance(second.verdict, Encap)
    again = node1.send(tcp(CLIENT, WEB, 1002), ME)
    assert again.ends == (CLIENT, 1002, PEER, 8080)
    assert not again.decision.is_new


def test_each_frontend_has_turns_of_its_own(node1):
    assert node1.send(tcp(CLIENT, WEB), ME).packet.dst == POD
    assert node1.send(udp(CLIENT, WEB), ME).ends == (CLIENT, 40000, POD, 5353)
    assert node1.send(tcp(CLIENT6, WEB6), ME).ends == (CLIENT6, 40000, POD6, 8080)
    assert node1.send(tcp(CLIENT6, WEB6, 2), ME).packet.dst == PEER6


def test_a_decision_alone_uses_up_no_turn(node1):
    node1.decide(parse_packet(tcp(CLIENT, WEB)), ME)
    assert node1.balancing.turn((WEB, 6, 80)) == 0


def test_the_trace_names_service_turn_and_pod(node1):
    node1.send(tcp(CLIENT, WEB, 1001), ME)
    assert node1.send(tcp(CLIENT, WEB, 1002), ME).why(Stage.SERVICE) == (
        "ClusterIP default/web:http 10.96.0.50:80 | ipvs, round robin: endpoint 2 of 3: "
        "10.244.2.3:8080 (default/web-2)"
    )


def test_the_flow_remembers_its_service(node1):
    assert node1.send(tcp(CLIENT, WEB), ME).decision.entry.service == "default/web:http"
    assert node1.send(tcp(CLIENT, PEER), ME).decision.entry.service == ""


@pytest.mark.parametrize(
    "data",
    [tcp(CLIENT, EMPTY), udp(CLIENT, EMPTY), tcp(CLIENT6, EMPTY6), udp(CLIENT6, EMPTY6)],
)
def test_without_endpoints_a_service_refuses(node1, data):
    outcome = node1.send(data, ME)
    assert outcome.verdict == REFUSED
    assert "the Service has no ready endpoint" in outcome.why(Stage.SERVICE)
    assert len(node1.flows) == 0


@pytest.mark.parametrize(
    "data",
    [
        tcp(CLIENT, WEB, dport=81),
        udp(CLIENT, WEB, dport=80),
        sctp(CLIENT, WEB, dport=80),
        tcp(CLIENT6, WEB6, dport=81),
    ],
)
def test_a_port_that_the_service_does_not_have_is_refused(node1, data):
    outcome = node1.send(data, ME)
    assert outcome.verdict == REFUSED
    assert "default/web | the Service has no port" in outcome.why(Stage.SERVICE)


@pytest.mark.parametrize("data", [echo(CLIENT, WEB), echo(CLIENT6, WEB6), ip(CLIENT, WEB, 47, b"")])
def test_a_cluster_ip_carries_nothing_but_its_ports(node1, data):
    outcome = node1.send(data, ME)
    assert outcome.verdict == Drop(DropReason.SERVICE_BACKEND_NOT_FOUND)
    assert "only carries the ports" in outcome.why(Stage.SERVICE)


@pytest.mark.parametrize("target", ["10.96.0.99", "fd00:10:96::99"])
def test_an_address_of_no_service_is_dropped(node1, target):
    source = CLIENT if "." in target else CLIENT6
    outcome = node1.send(tcp(source, packed(target)), ME)
    assert outcome.verdict == Drop(DropReason.SERVICE_BACKEND_NOT_FOUND)
    assert "no Service answers at this address" in outcome.why(Stage.ROUTE)


def test_a_later_fragment_alone_cannot_be_matched(node1):
    outcome = node1.send(ip(CLIENT, WEB, 17, bytes(64), fragment_offset=1480), ME)
    assert outcome.verdict == Drop(DropReason.IP_FRAGMENTATION_NOT_SUPPORTED)
    assert "its first fragment, which has the ports, is not known" in outcome.why(Stage.SERVICE)


def test_tunnelled_packets_were_translated_where_they_began(node1):
    outcome = node1.send(tcp(PEER, WEB), from_node(2))
    assert outcome.verdict == Drop(DropReason.SERVICE_BACKEND_NOT_FOUND)
    assert Stage.SERVICE not in outcome.stages


def test_the_node_itself_reaches_services(node1):
    outcome = node1.send(tcp(GATEWAY, WEB), FromHost())
    assert outcome.verdict == Deliver(POD)
    assert outcome.ends == (GATEWAY, 40000, POD, 8080)


def test_endpoints_may_be_outside_the_cluster():
    outside = (Endpoint((parse_address("172.18.0.2"),)),)
    node1 = Decider(cluster(slice_of("web", 4, (), endpoints=outside)))
    outcome = node1.send(tcp(CLIENT, WEB), ME)
    assert outcome.verdict == ToHost()
    assert outcome.ends == (packed("172.18.0.11"), 61000, packed("172.18.0.2"), 8080)
    hop = next(hop for hop in outcome.hops if hop.stage is Stage.SERVICE)
    assert hop.why.endswith("172.18.0.2:8080")  # no pod to name


def test_established_connections_outlive_their_endpoint(node1):
    node1.send(tcp(CLIENT, WEB), ME)
    node1.snapshot = cluster(slice_of("web", 4, ()))
    assert node1.send(tcp(CLIENT, WEB, flags=0x10), ME).packet.dst == POD
    assert node1.send(tcp(CLIENT, WEB, 2), ME).verdict == REFUSED


def test_a_changed_number_of_endpoints_keeps_the_turns_valid(node1):
    for port in range(1, 6):
        node1.send(tcp(CLIENT, WEB, port), ME)
    one = slice_of("web", 4, ())
    only = replace(one, endpoints=(Endpoint((parse_address("10.244.2.3"),)),))
    node1.snapshot = cluster(only)
    assert node1.send(tcp(CLIENT, WEB, 6), ME).packet.dst == PEER


# From outside of the cluster: node ports, external addresses, balancers.

LB = packed("192.0.2.9")
FACES = {
    "type": "LoadBalancer",
    "ports": (ServicePort("http", "TCP", 80, 30080), ServicePort("dns", "UDP", 53)),
    "external_ips": (parse_address("192.0.2.1"),),
    "load_balancer_ips": (parse_address("192.0.2.9"),),
}
BY_NODE_PORT, BY_EXTERNAL, BY_BALANCER = (NODE1, 30080), (packed("192.0.2.1"), 80), (LB, 80)
ALL_WAYS = [BY_NODE_PORT, BY_EXTERNAL, BY_BALANCER]
HOST = FromHost()


def exposed(on="node1", endpoints=True, **fields):
    objects = [] if endpoints else [slice_of("web", 4, ())]
    return Decider(cluster(service("web", 50, **FACES | fields), *objects, on=on))


@pytest.mark.parametrize(("address", "port"), ALL_WAYS)
def test_every_way_in_leads_to_an_endpoint_and_hides_the_client(address, port):
    node1 = exposed()
    there = node1.send(tcp(OUTSIDE, address, dport=port), HOST)
    assert there.verdict == Deliver(POD)
    assert there.ends == (GATEWAY, 61000, POD, 8080)
    assert "with externalTrafficPolicy Cluster" in there.why(Stage.MASQUERADE)
    back = node1.send(tcp(POD, GATEWAY, 8080, 61000, flags=0x12), from_pod(WEB_PODS[0]))
    assert back.ends == (address, port, OUTSIDE, 40000)
    assert back.verdict == ToHost()


def test_an_endpoint_elsewhere_answers_by_way_of_the_node():
    node1 = exposed()
    node1.turn_to((b"4", 6, 30080), 1)
    there = node1.send(tcp(OUTSIDE, NODE1, dport=30080), HOST)
    assert isinstance(there.verdict, Encap)
    assert there.ends == (GATEWAY, 61000, PEER, 8080)


@pytest.mark.parametrize("address", [NODE1, GATEWAY])
def test_pods_use_node_ports_at_every_address_of_the_node(address):
    there = exposed().send(tcp(CLIENT, address, dport=30080), ME)
    assert (there.packet.dst, there.packet.dst_port) == (POD, 8080)
    assert there.why(Stage.SERVICE).startswith("NodePort default/web:http ")


def test_a_port_without_a_service_is_the_nodes_own():
    outcome = exposed().send(tcp(CLIENT, NODE1, dport=30081), ME)
    assert (outcome.verdict, outcome.packet.dst) == (ToHost(), NODE1)


@pytest.mark.parametrize(("address", "port"), ALL_WAYS)
def test_the_policy_local_keeps_the_clients_address(address, port):
    there = exposed(external_traffic_policy="Local").send(tcp(OUTSIDE, address, dport=port), HOST)
    assert there.verdict == Deliver(POD)
    assert there.ends == (OUTSIDE, 40000, POD, 8080)
    assert Stage.MASQUERADE not in there.stages


@pytest.mark.parametrize(("address", "port"), [BY_EXTERNAL, BY_BALANCER])
def test_a_node_without_endpoints_does_not_answer_for_the_policy_local(address, port):
    """kube-proxy drops: a balancer that still sends here has to find another node."""
    gone = slice_of("web", 4, WEB_PODS[1:])
    node1 = exposed(external_traffic_policy="Local")
    node1.snapshot = node1.snapshot.advance(batch(gone))
    outcome = node1.send(tcp(OUTSIDE, address, dport=port), HOST)
    assert outcome.verdict == Drop(DropReason.SERVICE_BACKEND_NOT_FOUND)
    assert outcome.why(Stage.SERVICE) == (
        "default/web:http | externalTrafficPolicy is Local, and no endpoint is on this node"
    )
    inside = node1.send(tcp(CLIENT, address, dport=port), ME)
    assert isinstance(inside.verdict, Encap), "pods are sent on to whoever there is"
    assert inside.packet.src == CLIENT


def test_the_node_itself_is_sent_on_too_but_behind_its_gateway():
    node1 = exposed(external_traffic_policy="Local")
    node1.turn_to((b"4", 6, 30080), 1)
    outcome = node1.send(tcp(NODE1, NODE1, dport=30080), HOST)
    assert outcome.ends == (GATEWAY, 61000, PEER, 8080)
    assert "the node itself came by NodePort" in outcome.why(Stage.MASQUERADE)


@pytest.mark.parametrize(("address", "port"), ALL_WAYS)
@pytest.mark.parametrize("policy", ["Cluster", "Local"])
def test_without_any_endpoint_every_way_refuses(address, port, policy):
    node1 = exposed(endpoints=False, external_traffic_policy=policy)
    outcome = node1.send(tcp(OUTSIDE, address, dport=port), HOST)
    assert outcome.verdict == REFUSED


def test_the_internal_policy_local_is_for_the_pods_of_the_node():
    node1 = exposed(internal_traffic_policy="Local")
    assert [node1.send(tcp(CLIENT, WEB, port), ME).packet.dst for port in (1, 2, 3)] == [POD] * 3
    node1.snapshot = node1.snapshot.advance(batch(slice_of("web", 4, WEB_PODS[1:])))
    outcome = node1.send(tcp(CLIENT, WEB, 4), ME)
    assert outcome.verdict == Drop(DropReason.SERVICE_BACKEND_NOT_FOUND)
    assert "internalTrafficPolicy is Local" in outcome.why(Stage.SERVICE)


@pytest.mark.parametrize(
    ("client", "ingress", "is_let_in"),
    [(packed("198.51.100.7"), HOST, True), (OUTSIDE, HOST, False), (CLIENT, ME, False)],
)
def test_source_ranges_hold_at_the_balancers_address_alone(client, ingress, is_let_in):
    node1 = exposed(load_balancer_source_ranges=(parse_network("198.51.100.0/24"),))
    outcome = node1.send(tcp(client, LB), ingress)
    if is_let_in:
        assert outcome.verdict == Deliver(POD)
    else:
        assert outcome.verdict == Drop(DropReason.DENIED_BY_LB_SRC_RANGE_CHECK)
        assert "none of loadBalancerSourceRanges" in outcome.why(Stage.SERVICE)
    assert isinstance(
        node1.send(tcp(client, NODE1, 5, dport=30080), ingress).verdict, Deliver | Encap
    )


@pytest.mark.parametrize("client", [OUTSIDE, NODE1])
def test_a_cluster_ip_reached_from_outside_of_the_pods_hides_the_client(client):
    """Its endpoint would answer past the node that translated the connection."""
    node1 = exposed()
    node1.turn_to((WEB, 6, 80), 1)
    there = node1.send(tcp(client, WEB), HOST)
    assert there.ends == (GATEWAY, 61000, PEER, 8080)
    assert "from outside of the pods' addresses" in there.why(Stage.MASQUERADE)


# Modes.


@pytest.mark.parametrize("mode", ["iptables", "ipvs", "nftables", "ebpf"])
def test_in_every_mode_a_connection_reaches_an_endpoint_and_stays(mode):
    node1 = Decider(cluster(replace(CONFIG, proxy_mode=mode)))
    first = node1.send(tcp(CLIENT, WEB), ME)
    assert first.packet.dst in (POD, PEER, WEB3)
    assert f"| {mode}" in first.why(Stage.SERVICE)
    assert node1.send(tcp(CLIENT, WEB), ME).ends == first.ends
    assert node1.send(tcp(CLIENT, EMPTY), ME).verdict == REFUSED


@pytest.mark.parametrize(
    ("mode", "refuses"), [("iptables", False), ("ipvs", True), ("nftables", True), ("ebpf", True)]
)
def test_unknown_ports_are_refused_or_led_on(mode, refuses):
    node1 = Decider(cluster(replace(CONFIG, proxy_mode=mode)))
    outcome = node1.send(tcp(CLIENT, WEB, dport=81), ME)
    assert (outcome.verdict == REFUSED) is refuses
    assert refuses or outcome.verdict == Drop(DropReason.SERVICE_BACKEND_NOT_FOUND)


@pytest.mark.parametrize(
    ("mode", "refuses"), [("iptables", False), ("ipvs", False), ("nftables", False), ("ebpf", True)]
)
def test_a_node_without_local_endpoints_refuses_or_lets_fall(mode, refuses):
    local = service("web", 50, internal_traffic_policy="Local")
    elsewhere = slice_of("web", 4, WEB_PODS[1:])
    node1 = Decider(cluster(replace(CONFIG, proxy_mode=mode), local, elsewhere))
    outcome = node1.send(tcp(CLIENT, WEB), ME)
    assert outcome.verdict == (REFUSED if refuses else Drop(DropReason.SERVICE_BACKEND_NOT_FOUND))


def test_without_a_proxy_services_are_addresses_of_nobody():
    node1 = Decider(cluster(replace(CONFIG, proxy_mode="none")))
    outcome = node1.send(tcp(CLIENT, WEB), ME)
    assert outcome.verdict == Drop(DropReason.SERVICE_BACKEND_NOT_FOUND)
    assert Stage.SERVICE not in outcome.stages


def test_the_trace_of_a_walk_counts_the_rules():
    node1 = Decider(cluster(replace(CONFIG, proxy_mode="iptables")))
    node1.send(tcp(CLIENT, EMPTY), ME)
    keys = [key for key in node1.snapshot.frontends if len(key[0]) > 1]
    visited = keys.index((WEB6, 6, 80)) + 1
    outcome = node1.send(tcp(CLIENT6, WEB6), ME)
    assert f"iptables after {visited} rules, rule 1 of 3" in outcome.why(Stage.SERVICE)


def test_affinity_holds_for_the_timeout():
    sticky = service("web", 50, session_affinity="ClientIP", session_affinity_timeout_s=60)
    node1 = Decider(cluster(sticky))
    chosen = []
    for port, pause_s in enumerate((0.0, 59.0, 59.0, 61.0), 1):
        node1.now_s += pause_s
        chosen.append(node1.send(tcp(CLIENT, WEB, port), ME).packet.dst)
    assert chosen == [POD, POD, POD, PEER]
    other = node1.send(tcp(POD, WEB), from_pod(WEB_PODS[0]))
    assert other.packet.dst == WEB3


def test_a_scheduler_sees_what_conntrack_knows():
    node1 = Decider(cluster(replace(CONFIG, ipvs_scheduler="lc")))
    chosen = [node1.send(tcp(CLIENT, WEB, port), ME).packet.dst for port in (1, 2, 3)]
    assert chosen == [POD, PEER, WEB3]
    node1.flows.remove_those(lambda entry: entry.original.src_port == 2)
    assert node1.send(tcp(CLIENT, WEB, 4), ME).packet.dst == PEER
