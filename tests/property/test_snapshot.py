"""Snapshot.advance: step by step gives what starting anew from the final objects gives."""

from dataclasses import fields, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from netcore.model.address import parse_address
from netcore.model.change import Batch, Change
from netcore.model.config import ClusterConfig
from netcore.model.endpoint import Endpoint
from netcore.model.namespace import Namespace
from netcore.model.node import PROXY_MODE_LABEL, ZONE_LABEL, Node
from netcore.model.selector import labelled
from netcore.pipeline.snapshot import Snapshot
from netcore.policy.members import Members
from netcore.service.frontend import compile_frontends
from tests.support.cluster import CONFIG, node, pod, service, slice_of
from tests.support.policies import BOTH, INGRESS, network_policy

PODS = [pod(name, number, host) for number in (1, 2) for name, host in (("a", 2), ("b", 3))]

NODES = st.builds(
    lambda number, vtep, zone, mode: replace(
        node(number), vtep_mac=vtep, labels={ZONE_LABEL: zone, PROXY_MODE_LABEL: mode}
    ),
    st.integers(1, 3),
    st.sampled_from((b"", b"\x0a\x58\0\0\0\1")),
    st.sampled_from(("zone-a", "zone-b")),
    st.sampled_from(("", "nftables", "iptables", "no-such-mode")),
)
# Hosts follow from names, so that no two living objects want one address: the API sees to that.
# Not so for external addresses, which any number of Services may claim.
PODS_NOW = st.builds(
    lambda name, number, spare, host_network: pod(
        f"pod-{name}", number, name * 2 + spare, host_network=host_network
    ),
    st.integers(1, 4),
    st.integers(1, 2),
    st.integers(0, 1),
    st.booleans(),
)
SERVICES = st.builds(
    lambda number, spare, ports, version, external, policy: replace(
        service(f"svc-{number}", number * 2 + spare),
        ports=service("x", 1).ports[:ports],
        cluster_ips=service("x", number * 2 + spare).cluster_ips[:version],
        external_ips=tuple(map(parse_address, external)),
        external_traffic_policy=policy,
    ),
    st.integers(1, 3),
    st.integers(0, 1),
    st.integers(0, 2),
    st.integers(0, 2),
    st.sets(st.sampled_from(("192.0.2.1", "192.0.2.2", "2001:db8::1"))),
    st.sampled_from(("Cluster", "Local")),
)
ENDPOINTS = st.builds(
    lambda host, ready, number, zone: Endpoint(
        (parse_address(f"10.244.1.{host}"),),
        ready=ready,
        node_name=f"node{number}",
        for_zones=(zone,) if zone else (),
    ),
    st.integers(2, 5),
    st.booleans(),
    st.integers(1, 2),
    st.sampled_from(("", "zone-a", "zone-b")),
)
SLICES = st.builds(
    lambda name, owner, version, endpoints: replace(
        slice_of("x", version, ()),
        name=f"slice-{name}",
        service_name=f"svc-{owner}",
        endpoints=tuple(endpoints),
    ),
    st.integers(1, 4),
    st.integers(1, 3),
    st.sampled_from((4, 6)),
    st.lists(ENDPOINTS, max_size=3),
)
NAMESPACES = st.builds(lambda n: Namespace(f"ns-{n}"), st.integers(1, 2))
CONFIGS = st.sampled_from((CONFIG, replace(CONFIG, underlay_mtu_bytes=9000)))
POLICIES = st.builds(
    network_policy,
    st.sampled_from(("p", "q")),
    pods=st.sampled_from((labelled(), labelled(app="web"))),
    isolates=st.sampled_from((INGRESS, BOTH)),
    enforced=st.booleans(),
)
OBJECTS = POLICIES | NODES | PODS_NOW | SERVICES | SLICES | NAMESPACES | CONFIGS


@st.composite
def changes(draw: st.DrawFn) -> Change:
    subject = draw(OBJECTS)
    deleted = not isinstance(subject, ClusterConfig) and draw(st.booleans())
    return Change(subject, deleted)


BATCHES = st.lists(
    st.tuples(st.lists(changes(), max_size=6), st.integers(0, 9).map(lambda n: n == 0)),
    max_size=12,
)


def apply(state: dict[Any, Any], change: Change) -> None:
    subject = change.object
    key = (type(subject), getattr(subject, "key", None))
    if change.deleted:
        state.pop(key, None)
    else:
        state[key] = subject


def contents(snapshot: Snapshot) -> dict[str, Any]:
    """Every field by value; mappings without their order, routes and rules as mappings, members
    by what their bits stand for.
    """
    found = {each.name: getattr(snapshot, each.name) for each in fields(snapshot)}
    found["routes"] = {route.network: route.target for route in snapshot.routes}
    found["rules"] = {key: snapshot.rules.find(key)[0] for key in snapshot.frontends}
    found["members"] = members(snapshot.members)
    return {name: dict(v) if isinstance(v, dict) else v for name, v in found.items()}


def members(known: Members) -> dict[str, Any]:
    def decoded(mask: int) -> set[Any]:
        return {key for key, bit in known.bits.items() if mask & bit}

    return {
        "pods": dict(known.pods),
        "everyone": decoded(known.everyone),
        "hosts": {node: dict(found) for node, found in known.host_pods.items() if found},
        "spaces": {name: decoded(mask) for name, mask in known.by_namespace.items()},
        "labels": {
            (label, value): decoded(mask)
            for label, masks in known.by_label.items()
            for value, mask in masks.items()
        },
    }


@given(BATCHES)
def test_every_step_equals_a_full_rebuild(batches):
    snapshot = Snapshot(CONFIG, "node1")
    state: dict[Any, Any] = {}
    for revision, (steps, reset) in enumerate(batches, 1):
        before = contents(snapshot)
        former = snapshot
        snapshot = snapshot.advance(Batch("epoch", revision, tuple(steps), reset=reset))
        if reset:
            state = {key: value for key, value in state.items() if key[0] is ClusterConfig}
        for change in steps:
            apply(state, change)
        rebuilt = Snapshot(CONFIG, "node1").advance(
            Batch("epoch", revision, tuple(map(Change, state.values())))
        )
        assert without_defaults(contents(snapshot)) == without_defaults(contents(rebuilt))
        assert contents(former) == before


def without_defaults(found: dict[str, Any]) -> dict[str, Any]:
    """A world in which no batch named a node or config has no routes yet, not even ranges."""
    if not any(isinstance(each, Node) for each in found["nodes"].values()):
        found = {**found, "routes": {}}
    return found


@given(BATCHES)
def test_of_those_who_claim_a_frontend_the_first_by_name_has_it(batches):
    snapshot = Snapshot(CONFIG, "node1")
    for steps, _ in batches:
        snapshot = snapshot.advance(Batch("epoch", 1, tuple(steps)))
    claims: dict[Any, list[str]] = {}
    for service_key in sorted(snapshot.services):
        slices = tuple(snapshot.slices_of(service_key))
        for one in compile_frontends(snapshot.services[service_key], slices, snapshot.place):
            claims.setdefault(one.key, []).append(one.service.name)
    assert {key: one.service.name for key, one in snapshot.frontends.items()} == {
        key: names[0] for key, names in claims.items()
    }
    assert {key: [c.service.name for c in all_] for key, all_ in snapshot.contested.items()} == {
        key: names for key, names in claims.items() if len(names) > 1
    }


@given(st.lists(changes(), min_size=1, max_size=8))
def test_one_batch_or_one_by_one_is_the_same(steps):
    at_once = Snapshot(CONFIG, "node1").advance(Batch("epoch", 1, tuple(steps)))
    stepwise = Snapshot(CONFIG, "node1")
    for change in steps:
        stepwise = stepwise.advance(Batch("epoch", 1, (change,)))
    assert contents(at_once) == contents(stepwise)
