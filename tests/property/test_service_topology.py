"""Which endpoints answer, against kube-proxy's own words (pkg/proxy/topology.go), read naively."""

from hypothesis import given
from hypothesis import strategies as st

from netcore.model.address import parse_address
from netcore.model.endpoint import Endpoint
from netcore.service.topology import Place, cluster_endpoints, local_endpoints

NODES = st.sampled_from(("node1", "node2", ""))
ZONES = st.sampled_from(("zone-a", "zone-b"))
CANDIDATES = st.lists(
    st.builds(
        Endpoint,
        st.integers(1, 9).map(lambda n: (parse_address(f"10.244.0.{n}"),)),
        ready=st.booleans(),
        serving=st.booleans(),
        terminating=st.booleans(),
        node_name=NODES,
        for_zones=st.one_of(st.just(()), st.sets(ZONES, min_size=1).map(tuple)),
        for_nodes=st.one_of(st.just(()), st.sets(NODES, min_size=1).map(tuple)),
    ),
    max_size=6,
).map(lambda endpoints: [(endpoint, 8080) for endpoint in endpoints])
PLACES = st.builds(Place, st.sampled_from(("node1", "node9")), st.sampled_from(("", "zone-a")))


def topology_mode(endpoints, place):
    """topologyModeFromHints, sentence by sentence."""
    ready = [endpoint for endpoint, _ in endpoints if endpoint.ready]
    every_ready_has_node_hint = bool(ready) and not [e for e in ready if not e.for_nodes]
    one_is_for_this_node = bool([e for e in ready if place.node_name in e.for_nodes])
    if every_ready_has_node_hint and one_is_for_this_node:
        return "PreferSameNode"
    every_ready_has_zone_hint = bool(ready) and not [e for e in ready if not e.for_zones]
    one_is_for_this_zone = bool([e for e in ready if place.zone in e.for_zones])
    if every_ready_has_zone_hint and one_is_for_this_zone:
        return "PreferSameZone"
    return ""


def is_available(endpoint, mode, place):
    if mode == "PreferSameNode":
        return place.node_name in endpoint.for_nodes
    return mode != "PreferSameZone" or place.zone in endpoint.for_zones


def naive_cluster(endpoints, place):
    mode = topology_mode(endpoints, place)
    usable = [one for one in endpoints if one[0].ready and is_available(one[0], mode, place)]
    return usable or [one for one in endpoints if one[0].serving and one[0].terminating]


def naive_local(endpoints, place):
    here = [one for one in endpoints if one[0].node_name == place.node_name]
    if any(endpoint.ready for endpoint, _ in here):
        return [one for one in here if one[0].ready]
    return [one for one in here if one[0].serving and one[0].terminating]


@given(CANDIDATES, PLACES)
def test_the_cluster_policy_is_kube_proxys(candidates, place):
    assert cluster_endpoints(candidates, place) == naive_cluster(candidates, place)


@given(CANDIDATES, PLACES)
def test_the_local_policy_is_kube_proxys(candidates, place):
    assert local_endpoints(candidates, place) == naive_local(candidates, place)


@given(CANDIDATES, PLACES)
def test_whoever_is_ready_somewhere_keeps_the_service_alive(candidates, place):
    """Hints and zones choose among the ready ones; they never leave nobody."""
    if any(endpoint.ready for endpoint, _ in candidates):
        chosen = cluster_endpoints(candidates, place)
        assert chosen
        assert all(endpoint.ready for endpoint, _ in chosen)
