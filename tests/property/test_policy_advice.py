"""Advised policies allow all that was seen, and every entry of theirs is needed for it."""

import copy

from hypothesis import given, settings
from hypothesis import strategies as st

from kubehop.policy.advice import advise
from kubehop.policy.connections import Judge, connections, denial
from kubehop.policy.world import read_world, with_network_policies
from tests.unit.kubehop.policy.clusters import FakeApi, namespace, node, pod
from tests.unit.kubehop.policy.flowlines import line

OUTSIDE = "203.0.113.7"
SPACES = ("a", "b", "c")
APPS = ({"app": "x"}, {"app": "y"}, {"app": "x", "tier": "t"}, {})


@st.composite
def clusters(draw):
    """A world, and lines of connections between its pods and an address outside."""
    count = draw(st.integers(2, 6))
    pods, places = [], {}
    for index in range(count):
        space, labels = draw(st.sampled_from(SPACES)), draw(st.sampled_from(APPS))
        on, name, ip = draw(st.sampled_from(("n1", "n2"))), f"p{index}", f"10.244.0.{index + 2}"
        hashed = {**labels, "pod-template-hash": name} if labels else {}
        pods.append(pod(name, ip, space, on, **hashed))
        places[ip] = (on, f"{space}/{name}")
    api = FakeApi(
        pods=pods,
        namespaces=[namespace(name, **{"kubernetes.io/metadata.name": name}) for name in SPACES],
        nodes=[node("n1", "172.18.0.11"), node("n2", "172.18.0.12")],
    )
    lines = []
    ends = st.sampled_from([*places, OUTSIDE])
    for _ in range(draw(st.integers(1, 12))):
        src, dst = draw(ends), draw(ends)
        protocol = draw(st.sampled_from((1, 6, 17)))
        port = draw(st.sampled_from((53, 80))) if protocol != 1 else 0
        if src == dst:
            continue
        for at in {places[ip][0] for ip in (src, dst) if ip in places}:
            lines.append(
                line(
                    at,
                    src,
                    dst,
                    port,
                    protocol=protocol,
                    source=places[src][1] if src in places else None,
                    target=places[dst][1] if dst in places else None,
                )
            )
    return read_world(api), list(connections(lines))


def all_allowed(world, policies, found):
    judge = Judge(with_network_policies(world, policies))
    return all(denial(judge.judgements(each)) is None for each in found)


def without_one_entry(policies):
    """Every way to leave away one rule, peer or port."""
    for index, policy in enumerate(policies):
        for field, peers in (("ingress", "from"), ("egress", "to")):
            for place, rule in enumerate(policy["spec"].get(field) or ()):
                less = copy.deepcopy(policies)
                del less[index]["spec"][field][place]
                yield less
                for key in (peers, "ports"):
                    for entry in range(len(rule.get(key) or ()) if len(rule.get(key) or ()) > 1
                                       else 0):  # fmt: skip
                        less = copy.deepcopy(policies)
                        del less[index]["spec"][field][place][key][entry]
                        yield less


@settings(max_examples=60, deadline=None)
@given(clusters(), st.sampled_from((frozenset(), frozenset({"a"}))))
def test_advice(cluster, namespaces):
    world, found = cluster
    advice = advise(world, found, namespaces)
    assert all_allowed(world, advice.policies, found)
    for less in without_one_entry(advice.policies):
        assert not all_allowed(world, less, found)
    spaces = {policy["metadata"]["namespace"] for policy in advice.policies}
    assert not namespaces or spaces <= namespaces
    names = [(p["metadata"]["namespace"], p["metadata"]["name"]) for p in advice.policies]
    assert len(names) == len(set(names))
