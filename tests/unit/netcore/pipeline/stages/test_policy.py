"""What policies do to packets, decided as a node decides them."""

from dataclasses import replace

import pytest

from netcore.model.address import packed
from netcore.model.config import ClusterConfig
from netcore.model.namespace import Namespace
from netcore.model.pod import NamedPort
from netcore.model.policy import Action, Direction, Peer, PortMatch
from netcore.model.policy_settings import (
    BlockScope,
    Deny,
    Established,
    Hairpin,
    HostNetwork,
    Icmp,
    IpBlocks,
    PolicySettings,
)
from netcore.model.selector import EVERYTHING, labelled
from netcore.packet.protocols import TCP_SYN
from netcore.pipeline.context import FromHost
from netcore.pipeline.trace import Stage
from netcore.pipeline.verdict import (
    Deliver,
    Drop,
    DropReason,
    Encap,
    Reject,
    RejectKind,
    ToHost,
)
from netcore.policy.judgement import Ground, Match
from tests.support.cluster import (
    CLIENT,
    CLIENT6,
    CLIENT_POD,
    CONFIG,
    NODE1,
    NODE1_6,
    NODE2,
    OUTSIDE,
    WEB,
    WEB6,
    WEB_PODS,
    batch,
    cluster,
    from_node,
    from_pod,
    pod,
    service,
    slice_of,
)
from tests.support.decider import Decider
from tests.support.frames import PEER, POD, POD6, echo, tcp, udp
from tests.support.policies import (
    BOTH,
    EGRESS,
    INGRESS,
    admin_policy,
    baseline_policy,
    block,
    deny_all,
    network_policy,
    pods,
    rule,
    tcp_port,
)

PEER_GATEWAY = packed("10.244.2.1")
ME = from_pod(CLIENT_POD)
WEB1 = from_pod(WEB_PODS[0])
DENIED = Drop(DropReason.POLICY_DENIED)
DENIED_BY_RULE = Drop(DropReason.POLICY_DENY)
SYN_ACK = 0x12


def settings(**fields) -> ClusterConfig:
    return replace(CONFIG, policy=PolicySettings(**fields))


def node1(*objects) -> Decider:
    return Decider(cluster(*objects))


def test_without_policies_nothing_is_judged():
    outcome = node1().send(tcp(CLIENT, POD, 40000, 8080), ME)
    assert outcome.verdict == Deliver(POD)
    assert outcome.decision.judgements == ()
    assert Stage.INGRESS_POLICY not in outcome.stages


@pytest.mark.parametrize("ends", [(CLIENT, POD), (CLIENT6, POD6)])
def test_an_isolated_pod_is_reached_by_nobody_but_its_node(ends):
    decider = node1(deny_all())
    outcome = decider.send(tcp(*ends, 40000, 8080), ME)
    assert outcome.verdict == DENIED
    *_, judgement = outcome.decision.judgements
    assert (judgement.direction, judgement.pod) == (Direction.INGRESS, ("default", "web-1"))
    assert judgement.ground is Ground.DEFAULT_DENY
    assert [reference.policy for reference in judgement.by] == ["default/deny-ingress"]
    assert "NetworkPolicy default/deny-ingress" in outcome.why(Stage.INGRESS_POLICY)
    for own, target in ((NODE1, POD), (packed("10.244.1.1"), POD), (NODE1_6, POD6)):
        assert decider.send(tcp(own, target, 40001, 8080), FromHost()).verdict == Deliver(target)
    assert decider.send(tcp(PEER_GATEWAY, POD, 40001, 8080), from_node(2)).verdict == DENIED


def test_egress_is_judged_by_the_endpoint_and_not_by_the_cluster_ip():
    allowed = network_policy(isolates=EGRESS, egress=(rule(block("10.244.2.0/24")),))
    decider = node1(allowed, service("far", 70), slice_of("far", 4, WEB_PODS[1:2]))
    there = decider.send(tcp(CLIENT, packed("10.96.0.70")), ME)
    assert isinstance(there.verdict, Encap)
    assert there.stages.index(Stage.SERVICE) < there.stages.index(Stage.EGRESS_POLICY)
    assert decider.send(tcp(CLIENT, packed("10.96.0.50"), 40001), ME).verdict == DENIED


def test_before_dnat_an_ip_block_sees_the_cluster_ip():
    allowed = network_policy(isolates=EGRESS, egress=(rule(block("10.96.0.0/16")),))
    decider = node1(allowed, settings(ip_blocks=IpBlocks.BEFORE_DNAT))
    assert decider.send(tcp(CLIENT, WEB), ME).verdict == Deliver(POD)
    assert decider.send(tcp(CLIENT, POD, 40001, 8080), ME).verdict == DENIED


def test_answers_pass_whatever_isolates_those_who_answer():
    isolating = network_policy(
        pods=labelled(), isolates=BOTH, ingress=(rule(ports=(tcp_port(8080),)),)
    )
    target = replace(WEB_PODS[0], labels={"app": "web"})
    decider = node1(replace(isolating, pods=labelled(app="web")), target)
    assert decider.send(tcp(CLIENT, POD, 40000, 8080), ME).verdict == Deliver(POD)
    back = decider.send(tcp(POD, CLIENT, 8080, 40000, flags=SYN_ACK), WEB1)
    assert back.verdict == Deliver(CLIENT)
    assert decider.send(tcp(POD, CLIENT, 8081, 40001), WEB1).verdict == DENIED


def test_a_policy_cuts_open_connections_both_ways_unless_they_are_kept():
    for wish, verdicts in (
        (Established.CUT, (DENIED, DENIED)),
        (Established.KEEP, (Deliver(POD), Deliver(CLIENT))),
    ):
        decider = node1(settings(established=wish))
        assert decider.send(tcp(CLIENT, WEB), ME).verdict == Deliver(POD)
        decider.snapshot = decider.snapshot.advance(batch(deny_all(), revision=2))
        there = decider.send(tcp(CLIENT, WEB, flags=0x10), ME)
        back = decider.send(tcp(POD, CLIENT, 8080, 40000, flags=SYN_ACK), WEB1)
        assert (there.verdict, back.verdict) == verdicts
        assert decider.send(tcp(CLIENT, POD, 40001, 8080, flags=TCP_SYN), ME).verdict == DENIED


ACK, RST = 0x10, 0x14


def test_a_denied_client_does_not_come_back_as_an_answer():
    """The server's next segment would else begin a flow of its own, with the client answering."""
    decider = node1()
    assert decider.send(tcp(CLIENT, POD, 40000, 8080), ME).verdict == Deliver(POD)
    decider.send(tcp(CLIENT, POD, 40000, 8080, flags=RST), ME)
    decider.now_s += 11  # the reset, which only conntrack believed, has run out
    decider.flows.expire(decider.now_s)
    decider.snapshot = decider.snapshot.advance(batch(deny_all(), revision=2))
    pushed = decider.send(tcp(POD, CLIENT, 8080, 40000, flags=ACK), WEB1)
    assert pushed.verdict == DENIED
    assert "judged both ways" in pushed.why(Stage.INGRESS_POLICY)
    assert len(decider.flows) == 0


def test_a_server_does_not_come_back_as_a_client():
    decider = node1(deny_all(Direction.EGRESS))
    back = decider.send(tcp(PEER, CLIENT, 8080, 40000, flags=ACK), from_node(2))
    assert back.verdict == DENIED
    assert "judged both ways" in back.why(Stage.EGRESS_POLICY)


@pytest.mark.parametrize("flags", [ACK, SYN_ACK])
def test_what_is_seen_first_in_its_middle_is_judged_once_where_both_ways_are_open(flags):
    open_ways = network_policy(isolates=BOTH, ingress=(rule(),), egress=(rule(),))
    outcome = node1(open_ways).send(tcp(CLIENT, POD, 40000, 8080, flags=flags), ME)
    assert outcome.verdict == Deliver(POD)
    directions = [judgement.direction for judgement in outcome.decision.judgements]
    assert directions == [Direction.EGRESS, Direction.INGRESS]


def test_denied_as_the_settings_say():
    decider = node1(deny_all(), settings(deny=Deny.REJECT))
    outcome = decider.send(tcp(CLIENT, POD, 40000, 8080), ME)
    assert outcome.verdict == Reject(RejectKind.ADMINISTRATIVELY_PROHIBITED)


def test_policies_that_nobody_enforces():
    decider = node1(deny_all(), settings(enforced=False))
    assert decider.send(tcp(CLIENT, POD, 40000, 8080), ME).verdict == Deliver(POD)


def test_a_policy_without_force_is_judged_and_changes_nothing():
    decider = node1(deny_all(enforced=False))
    outcome = decider.send(tcp(CLIENT, POD, 40000, 8080), ME)
    assert outcome.verdict == Deliver(POD)
    *_, judgement = outcome.decision.judgements
    assert judgement.allowed
    assert [reference.policy for reference in judgement.audited] == ["default/deny-ingress"]
    assert "would be denied by default/deny-ingress" in outcome.why(Stage.INGRESS_POLICY)


@pytest.mark.parametrize(
    ("wish", "verdict"), [(Hairpin.BY_POLICY, DENIED), (Hairpin.ALWAYS, Deliver(POD))]
)
def test_a_pod_that_reaches_itself_through_its_service(wish, verdict):
    decider = node1(deny_all(), settings(hairpin=wish))
    assert decider.send(tcp(POD, WEB), WEB1).verdict == verdict


def test_hairpin_is_judged_as_the_pod_that_it_is():
    target = replace(WEB_PODS[0], labels={"app": "web"})
    allowed = network_policy(isolates=INGRESS, ingress=(rule(pods(app="web")),))
    decider = node1(target, allowed)
    assert decider.send(tcp(POD, WEB), WEB1).verdict == Deliver(POD)
    decider.snapshot = decider.snapshot.advance(batch(revision=2))
    assert decider.send(tcp(POD, WEB, flags=0x10), WEB1).verdict == Deliver(POD)


@pytest.mark.parametrize(
    ("wish", "verdict"), [(Icmp.BY_POLICY, DENIED), (Icmp.ALWAYS, Deliver(POD))]
)
def test_icmp_is_not_matched_by_rules_with_ports(wish, verdict):
    with_port = network_policy(isolates=INGRESS, ingress=(rule(ports=(tcp_port(0, 65535),)),))
    decider = node1(with_port, settings(icmp=wish))
    assert decider.send(echo(CLIENT, POD), ME).verdict == verdict
    without = network_policy(isolates=INGRESS, ingress=(rule(),))
    assert node1(without).send(echo(CLIENT, POD), ME).verdict == Deliver(POD)


def test_a_node_port_client_is_judged_as_the_node_that_masqueraded_it():
    by_client = network_policy(isolates=INGRESS, ingress=(rule(block("192.0.2.0/24")),))
    by_node = network_policy(isolates=INGRESS, ingress=(rule(block("10.244.1.1/32")),))
    exposed = service("web", 50, type="NodePort")
    exposed = replace(exposed, ports=tuple(replace(p, node_port=30080) for p in exposed.ports[:1]))
    local = replace(exposed, external_traffic_policy="Local")
    for policy, spec, verdict in (
        (by_client, exposed, DENIED),
        (by_node, exposed, Deliver(POD)),
        (by_client, local, Deliver(POD)),
        (by_node, local, DENIED),
    ):
        outcome = node1(policy, spec).send(tcp(OUTSIDE, NODE1, 40000, 30080), FromHost())
        assert outcome.verdict == verdict


@pytest.mark.parametrize(
    ("wish", "verdict"), [(HostNetwork.NODES, DENIED), (HostNetwork.PODS, Deliver(POD))]
)
def test_host_network_pods_as_nodes_or_as_pods(wish, verdict):
    host = pod("proxy", 2, 9, host_network=True, labels={"app": "proxy"})
    allowed = network_policy(isolates=INGRESS, ingress=(rule(pods(app="proxy")),))
    decider = node1(host, allowed, settings(host_network=wish))
    assert decider.send(tcp(PEER_GATEWAY, POD, 40000, 8080), from_node(2)).verdict == verdict


@pytest.mark.parametrize(
    ("wish", "verdict"), [(BlockScope.ALL, Deliver(POD)), (BlockScope.OUTSIDE, DENIED)]
)
def test_whether_ip_blocks_cover_pods(wish, verdict):
    allowed = network_policy(isolates=INGRESS, ingress=(rule(block("0.0.0.0/0")),))
    decider = node1(allowed, settings(block_scope=wish))
    assert decider.send(tcp(CLIENT, POD, 40000, 8080), ME).verdict == verdict


def test_a_named_port_is_that_of_the_pod_at_the_destination():
    target = replace(WEB_PODS[0], named_ports=(NamedPort("http", "TCP", 8080),))
    named = rule(ports=(PortMatch("TCP", name="http"),))
    for policy in (
        network_policy(isolates=INGRESS, ingress=(named,)),
        network_policy(isolates=EGRESS, egress=(named,)),
    ):
        decider = node1(target, policy)
        assert decider.send(tcp(CLIENT, POD, 40000, 8080), ME).verdict == Deliver(POD)
        assert decider.send(tcp(CLIENT, POD, 40000, 8081), ME).verdict == DENIED
        assert decider.send(udp(CLIENT, POD, 40000, 8080), ME).verdict == DENIED


def test_namespaces_and_pods_together():
    other = replace(CLIENT_POD, namespace="other", labels={"app": "client"})
    both = Peer(pods=labelled(app="client"), namespaces=labelled(team="a"))
    policy = network_policy(isolates=INGRESS, ingress=(rule(both),))
    gone = cluster(other, policy).advance(batch())
    mine = Decider(gone)
    assert mine.send(tcp(CLIENT, POD, 40000, 8080), ME).verdict == DENIED
    mine.snapshot = gone.advance(batch(Namespace("other", {"team": "a"})))
    assert mine.send(tcp(CLIENT, POD, 40000, 8080), ME).verdict == Deliver(POD)


def test_admin_policies_come_first_and_pass_on():
    deny = rule(Peer(pods=EVERYTHING, namespaces=EVERYTHING), action=Action.DENY)
    allow = replace(deny, action=Action.ALLOW)
    hand_on = replace(deny, action=Action.PASS)
    open_to_all = network_policy(isolates=INGRESS, ingress=(rule(),))
    syn = tcp(CLIENT, POD, 40000, 8080)
    for objects, verdict in (
        ((admin_policy("a", deny),), DENIED_BY_RULE),
        ((admin_policy("a", deny, priority=2), admin_policy("b", allow, priority=1)), Deliver(POD)),
        ((admin_policy("a", allow), deny_all()), Deliver(POD)),
        ((admin_policy("a", hand_on, deny), deny_all()), DENIED),
        ((admin_policy("a", hand_on, deny),), Deliver(POD)),
        ((baseline_policy(deny),), DENIED_BY_RULE),
        ((baseline_policy(deny), open_to_all), Deliver(POD)),
        ((admin_policy("a", allow), baseline_policy(deny)), Deliver(POD)),
        ((admin_policy("a", hand_on), baseline_policy(deny)), DENIED_BY_RULE),
    ):
        assert node1(*objects).send(syn, ME).verdict == verdict


def test_admin_policies_select_nodes():
    deny = rule(Peer(nodes=labelled(role="edge")), action=Action.DENY)
    edge = replace(cluster().nodes["node2"], labels={"role": "edge"})
    policy = admin_policy("a", egress=(deny,), ingress=())
    decider = node1(edge, policy)
    assert decider.send(tcp(CLIENT, NODE2, 40000, 6443), ME).verdict == DENIED_BY_RULE
    assert decider.send(tcp(CLIENT, packed("172.18.0.13"), 40000, 6443), ME).verdict == ToHost()


@pytest.mark.parametrize(
    ("allowed", "match"),
    [
        (rule(), Match.ALL),
        (rule(ports=(tcp_port(8080),)), Match.L4_ONLY),
        (rule(block("10.244.0.0/16")), Match.L3_ONLY),
        (rule(block("10.244.0.0/16"), ports=(tcp_port(8000, 9000),)), Match.L3_L4),
    ],
)
def test_what_a_rule_went_by(allowed, match):
    first = rule(block("10.244.0.0/16", "10.244.1.0/24"))
    policy = network_policy(isolates=INGRESS, ingress=(first, allowed))
    outcome = node1(policy).send(tcp(CLIENT, POD, 40000, 8080), ME)
    *_, judgement = outcome.decision.judgements
    assert (judgement.ground, judgement.match) == (Ground.RULE, match)
    assert str(judgement.by[0]) == "default/p rule 1"


def test_the_far_node_does_not_ask_for_the_egress_of_its_own_clients():
    decider = node1(deny_all(Direction.EGRESS))
    assert decider.send(tcp(CLIENT, PEER, 40000, 8080), ME).verdict == DENIED
    assert decider.send(tcp(PEER, POD, 40000, 8080), from_node(2)).verdict == Deliver(POD)
    assert isinstance(
        node1().send(tcp(CLIENT, packed(str(WEB_PODS[1].ips[0])), 1, 2), ME).verdict, Encap
    )
    assert WEB6
