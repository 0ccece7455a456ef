"""Compiled policies say what the API's own words say, for whatever policies and pods there are."""

from ipaddress import ip_address

from hypothesis import given, settings
from hypothesis import strategies as st

from netcore.conntrack.tuple import FlowTuple
from netcore.manifest.policies import network_policy
from netcore.model.address import packed
from netcore.model.change import Batch, Change
from netcore.model.namespace import Namespace
from netcore.model.pod import NamedPort, Pod
from netcore.pipeline.stages.policy import egress_question, ingress_question, judge_question
from tests.support import naive_policy
from tests.support.cluster import batch, node, snapshot

PROTOCOLS = {"TCP": 6, "UDP": 17, "SCTP": 132, "ICMP": 1}
NAMESPACES = ("default", "other")
KEYS, VALUES = ("app", "tier"), ("a", "b", "c")
CIDRS = (("10.244.0.0/16", "10.244.1.0/24"), ("0.0.0.0/0", "192.0.2.0/24"), ("10.244.1.0/24", ""))
PORTS = (("http", "TCP", 80), ("dns", "UDP", 53), ("dns", "TCP", 53))

labels = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES))
expressions = st.one_of(
    st.fixed_dictionaries(
        {
            "key": st.sampled_from(KEYS),
            "operator": st.sampled_from(("In", "NotIn")),
            "values": st.lists(st.sampled_from(VALUES), min_size=1, max_size=2),
        }
    ),
    st.fixed_dictionaries(
        {"key": st.sampled_from(KEYS), "operator": st.sampled_from(("Exists", "DoesNotExist"))}
    ),
)
selectors = st.fixed_dictionaries(
    {}, optional={"matchLabels": labels, "matchExpressions": st.lists(expressions, max_size=2)}
)
blocks = st.sampled_from(CIDRS).map(
    lambda pair: {"cidr": pair[0]} | ({"except": [pair[1]]} if pair[1] else {})
)
peers = st.one_of(
    st.fixed_dictionaries({"podSelector": selectors}, optional={"namespaceSelector": selectors}),
    st.fixed_dictionaries({"namespaceSelector": selectors}),
    st.fixed_dictionaries({"ipBlock": blocks}),
)
ports = st.one_of(
    st.fixed_dictionaries({}, optional={"protocol": st.sampled_from(("TCP", "UDP", "SCTP"))}),
    st.fixed_dictionaries(
        {"port": st.sampled_from(("http", "dns", "none"))},
        optional={"protocol": st.sampled_from(("TCP", "UDP"))},
    ),
    st.fixed_dictionaries({"port": st.sampled_from((53, 80))}, optional={"endPort": st.just(90)}),
)


def rules(ends):
    return st.lists(
        st.fixed_dictionaries(
            {}, optional={ends: st.lists(peers, max_size=2), "ports": st.lists(ports, max_size=2)}
        ),
        max_size=2,
    )


specs = st.fixed_dictionaries(
    {"podSelector": selectors},
    optional={
        "ingress": rules("from"),
        "egress": rules("to"),
        "policyTypes": st.sampled_from((["Ingress"], ["Egress"], ["Ingress", "Egress"], [])),
    },
)
policies = st.lists(st.tuples(st.sampled_from(NAMESPACES), specs), max_size=3).map(
    lambda found: [
        {"kind": "NetworkPolicy", "metadata": {"namespace": space, "name": f"p{i}"}, "spec": spec}
        for i, (space, spec) in enumerate(found)
    ]
)
pods = st.lists(st.tuples(st.sampled_from(NAMESPACES), labels), min_size=2, max_size=4)


def facts(found):
    return [
        {"namespace": space, "labels": own, "ip": f"10.244.1.{10 + i}", "ports": PORTS}
        for i, (space, own) in enumerate(found)
    ]


def pod_of(fact, number):
    return Pod(
        fact["namespace"],
        f"pod{number}",
        f"u{number}",
        "node1",
        (ip_address(fact["ip"]),),
        fact["labels"],
        named_ports=tuple(NamedPort(*port) for port in PORTS),
    )


def verdict(picture, source, target, protocol, port):
    number = PROTOCOLS[protocol]
    flow = FlowTuple(number, packed(source["ip"]), 40000, packed(target["ip"]), port or 0)
    asked = (egress_question(picture, flow, flow), ingress_question(picture, flow, flow))
    return all(judge_question(picture, each).allowed for each in asked if each is not None)


@settings(max_examples=300)
@given(
    policies,
    pods,
    st.fixed_dictionaries({space: labels for space in NAMESPACES}),
    st.sampled_from((("TCP", 80), ("TCP", 85), ("UDP", 53), ("SCTP", 80), ("ICMP", None))),
)
def test_as_the_specification_says(written, found, namespaces, service):
    known = facts(found)
    outsider = {"ip": "192.0.2.7"}
    picture = snapshot(
        node(1),
        *(Namespace(name, own) for name, own in namespaces.items()),
        *(pod_of(fact, number) for number, fact in enumerate(known)),
        *map(network_policy, written),
    )
    pairs = [(a, b) for a in known for b in known if a is not b]
    for source, target in [*pairs, (outsider, known[0]), (known[0], outsider)]:
        expected = naive_policy.allows(written, namespaces, source, target, *service)
        assert verdict(picture, source, target, *service) == expected


@settings(max_examples=100)
@given(policies, pods, pods, st.data())
def test_a_picture_that_grew_says_what_a_fresh_one_says(written, before, after, data):
    """Whatever was known earlier, and compiled, leaves no trace."""
    spaces = [Namespace(name, {"app": "a"}) for name in NAMESPACES]
    old = facts(before)
    picture = snapshot(node(1), *spaces, *(pod_of(fact, i) for i, fact in enumerate(old)))
    picture = picture.advance(batch(*map(network_policy, written), revision=2))
    picture.policies.compile(picture.pods.values())
    gone = [Change(pod_of(fact, i), deleted=True) for i, fact in enumerate(old)]
    picture = picture.advance(Batch("epoch", 3, tuple(gone)))
    now = facts(after)
    order = data.draw(st.permutations(list(enumerate(now))))
    for number, fact in order:
        picture = picture.advance(batch(pod_of(fact, number), revision=4))
        picture.policies.compile(picture.pods.values())
    fresh = snapshot(
        node(1),
        *spaces,
        *(pod_of(fact, number) for number, fact in enumerate(now)),
        *map(network_policy, written),
    )
    for source in now:
        for target in now:
            if source is not target:
                asked = (source, target, "TCP", 80)
                assert verdict(picture, *asked) == verdict(fresh, *asked)
