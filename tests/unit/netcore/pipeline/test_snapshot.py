from dataclasses import replace

import pytest

from netcore.forwarding.destinations import LocalPods, RemotePods, ServiceRange, Unallocated
from netcore.model.address import packed, parse_address, parse_network, text
from netcore.model.change import Batch, Change, Manifest
from netcore.model.host_port import HostPort
from netcore.model.namespace import Namespace
from netcore.pipeline.snapshot import Snapshot, empty_snapshot
from netcore.service.balancing import ServicePortScope
from tests.support.cluster import (
    CONFIG,
    EMPTY,
    GATEWAY,
    GATEWAY6,
    NODE1,
    NODE1_6,
    NODE2,
    OBJECTS,
    WEB,
    WEB6,
    WEB_PODS,
    batch,
    cluster,
    node,
    pod,
    service,
    slice_of,
    snapshot,
)
from tests.support.frames import POD, POD6


def gone(*objects) -> Batch:
    return Batch("epoch", 2, tuple(Change(each, deleted=True) for each in objects))


def backends(picture: Snapshot, address: bytes = WEB) -> list[str]:
    return [text(backend.ip) for backend in picture.frontends[address, 6, 80].backends]


def test_what_follows_from_the_nodes():
    picture = cluster()
    assert picture.node == node(1)
    assert picture.gateways == (GATEWAY, GATEWAY6)
    assert (picture.gateway(4), picture.gateway(16)) == (GATEWAY, GATEWAY6)
    assert (picture.node_address(4), picture.node_address(16)) == (NODE1, NODE1_6)
    assert picture.nodes_by_underlay[NODE2] == node(2)
    targets = {str(route.network): route.target for route in picture.routes}
    assert targets["10.244.0.0/16"] == Unallocated()
    assert targets["fd00:10:96::/112"] == ServiceRange()
    assert targets["10.244.1.0/24"] == LocalPods()
    assert targets["fd00:10:244:2::/64"] == RemotePods(node(2))


def test_a_node_that_is_not_known_yet_has_nothing():
    picture = snapshot(CONFIG, on="node9")
    assert (picture.node, picture.gateways, picture.node_addresses) == (None, (), ())
    assert picture.gateway(4) is None
    assert picture.node_address(16) is None


def test_an_empty_world_has_only_the_node():
    picture = empty_snapshot(CONFIG, node(1))
    assert (dict(picture.nodes), picture.gateways) == ({"node1": node(1)}, (GATEWAY, GATEWAY6))
    assert (picture.epoch, picture.revision) == ("", 0)


def test_epoch_and_revision_are_those_of_the_last_batch():
    picture = cluster().advance(Batch("other", 42))
    assert (picture.epoch, picture.revision) == ("other", 42)


def test_an_old_picture_stays_as_it_was():
    old = cluster()
    before = (dict(old.pods), dict(old.frontends), list(old.routes), dict(old.pods_by_ip))
    old.advance(gone(*OBJECTS[1:]))
    assert (dict(old.pods), dict(old.frontends), list(old.routes), dict(old.pods_by_ip)) == before


def test_what_a_batch_does_not_touch_is_shared():
    old = cluster()
    new = old.advance(batch(pod("late", 1, 9)))
    assert new.frontends is old.frontends
    assert new.nodes is old.nodes
    assert new.routes is old.routes
    assert new.pods is not old.pods


def test_a_reset_forgets_everything_before_it():
    picture = cluster().advance(batch(pod("only", 1, 9), reset=True, revision=9))
    assert [each.name for each in picture.pods.values()] == ["only"]
    assert not picture.services
    assert not picture.frontends
    assert not picture.nodes
    assert picture.node_name == "node1"
    assert picture.config == CONFIG


def test_a_config_moves_the_routes():
    wider = replace(CONFIG, pod_cidrs=(parse_network("10.0.0.0/8"),))
    picture = cluster().advance(batch(wider))
    assert picture.config == wider
    assert picture.routes.lookup(packed("10.9.9.9")).target == Unallocated()


def test_a_node_that_leaves_takes_its_routes_along():
    picture = cluster().advance(gone(node(2)))
    assert picture.routes.lookup(packed("10.244.2.3")).target == Unallocated()
    assert NODE2 not in picture.nodes_by_underlay


# Pods.


def test_pods_are_found_by_each_address():
    picture = cluster()
    assert picture.pods_by_ip[POD] is picture.pods_by_ip[POD6]
    assert picture.pods_by_ip[POD].name == "web-1"


def test_a_pod_that_goes_or_moves_frees_its_addresses():
    picture = cluster()
    assert POD not in picture.advance(gone(WEB_PODS[0])).pods_by_ip
    moved = picture.advance(batch(pod("web-1", 1, 88)))
    assert POD not in moved.pods_by_ip
    assert moved.pods_by_ip[packed("10.244.1.88")].name == "web-1"


def test_an_address_that_a_younger_pod_has_stays_with_it():
    picture = cluster().advance(batch(pod("young", 1, 2)))
    assert picture.pods_by_ip[POD].name == "young"
    assert picture.advance(gone(WEB_PODS[0])).pods_by_ip[POD].name == "young"


def test_pods_of_the_hosts_network_have_no_address_of_their_own():
    picture = cluster().advance(batch(pod("host", 1, 7, host_network=True)))
    assert packed("10.244.1.7") not in picture.pods_by_ip
    assert ("default", "host") in picture.pods


def test_an_unknown_pod_may_go():
    assert cluster().advance(gone(pod("stranger", 1, 50))).pods == cluster().pods


# Services and their slices.


def test_a_service_before_its_slices_and_after():
    early = snapshot(CONFIG, service("web", 50))
    assert backends(early) == []
    assert backends(early.advance(batch(slice_of("web", 4, WEB_PODS)))) == [
        "10.244.1.2",
        "10.244.2.3",
        "10.244.3.2",
    ]


def test_slices_before_their_service():
    early = snapshot(CONFIG, slice_of("web", 4, WEB_PODS[:1]))
    assert not early.frontends
    assert backends(early.advance(batch(service("web", 50)))) == ["10.244.1.2"]


def test_several_slices_add_up_and_go_one_by_one():
    first = slice_of("web", 4, WEB_PODS[:1])
    second = replace(slice_of("web", 4, WEB_PODS[1:2]), name="web-v4-b")
    picture = snapshot(CONFIG, service("web", 50), first, second)
    assert backends(picture) == ["10.244.1.2", "10.244.2.3"]
    assert [each.name for each in picture.slices_of(("default", "web"))] == ["web-v4", "web-v4-b"]
    picture = picture.advance(gone(first))
    assert backends(picture) == ["10.244.2.3"]
    picture = picture.advance(gone(second))
    assert backends(picture) == []
    assert not picture.slices_by_service


def test_a_slice_may_change_its_service():
    picture = cluster().advance(batch(replace(slice_of("web", 4, WEB_PODS), service_name="empty")))
    assert backends(picture) == []
    assert len(backends(picture, EMPTY)) == 3


def test_a_service_that_goes_takes_its_frontends_along_and_leaves_the_slices():
    picture = cluster().advance(gone(service("web", 50)))
    assert WEB not in picture.service_addresses
    assert not [key for key in picture.frontends if key[0] in (WEB, WEB6)]
    assert len(list(picture.slices_of(("default", "web")))) == 2
    assert len(backends(picture.advance(batch(service("web", 50))))) == 3


def test_a_service_that_loses_a_port_or_changes_its_address():
    narrow = replace(service("web", 50), ports=service("web", 50).ports[:1])
    assert (WEB, 17, 53) not in cluster().advance(batch(narrow)).frontends
    moved = cluster().advance(batch(service("web", 60)))
    assert WEB not in moved.service_addresses
    assert (WEB, 6, 80) not in moved.frontends
    assert len(backends(moved, packed("10.96.0.60"))) == 3


@pytest.mark.parametrize("order", [("old", "new"), ("new", "old")])
def test_an_address_may_change_hands_within_one_batch(order):
    """Whatever order the changes and their consequences are worked off in."""
    changes = {
        "old": Change(service("web", 50), deleted=True),
        "new": Change(service("heir", 50)),
    }
    picture = cluster().advance(Batch("epoch", 2, tuple(changes[name] for name in order)))
    assert picture.service_addresses[WEB] == ("default", "heir")
    assert picture.frontends[WEB, 6, 80].service.name == "heir"


def test_two_services_may_swap_their_addresses():
    picture = cluster().advance(batch(service("web", 51), service("empty", 50)))
    assert picture.frontends[WEB, 6, 80].service.name == "empty"
    assert picture.frontends[EMPTY, 6, 80].service.name == "web"
    assert picture.service_addresses[WEB] == ("default", "empty")


def test_a_service_of_a_foreign_protocol_still_has_its_address():
    odd = replace(service("odd", 70), cluster_ips=(parse_address("10.96.0.70"),), ports=())
    assert packed("10.96.0.70") in cluster(odd).service_addresses


# Frontends that several Services claim: the API does not forbid it of external addresses.

SHARED = packed("192.0.2.1")


def claimant(name, host, **fields):
    return service(name, host, external_ips=(parse_address("192.0.2.1"),), **fields)


def owner(picture, port=80):
    found = picture.frontends.get((SHARED, 6, port))
    return found and found.service.name


def rivals(picture):
    return [claim.service.name for claim in picture.contested.get((SHARED, 6, 80), ())]


def test_of_several_claims_the_first_by_name_holds():
    picture = cluster(claimant("zoe", 71), claimant("adam", 72), claimant("mia", 73))
    assert (owner(picture), rivals(picture)) == ("adam", ["adam", "mia", "zoe"])


def test_a_claim_that_ends_makes_way_for_the_next():
    picture = cluster(claimant("zoe", 71), claimant("adam", 72), claimant("mia", 73))
    picture = picture.advance(gone(claimant("adam", 72)))
    assert (owner(picture), rivals(picture)) == ("mia", ["mia", "zoe"])
    picture = picture.advance(batch(service("mia", 73)))
    assert (owner(picture), rivals(picture)) == ("zoe", [])
    assert owner(picture.advance(gone(claimant("zoe", 71)))) is None


def test_a_rivals_endpoints_are_kept_up_to_date():
    picture = cluster(claimant("zoe", 71), claimant("adam", 72))
    picture = picture.advance(batch(slice_of("zoe", 4, WEB_PODS)))
    assert owner(picture) == "adam"
    picture = picture.advance(gone(claimant("adam", 72)))
    assert backends(picture, SHARED) == ["10.244.1.2", "10.244.2.3", "10.244.3.2"]


def test_a_service_may_claim_its_own_address_twice():
    """externalIPs that are the load balancer's address, too, are one frontend."""
    lone = claimant("solo", 71, load_balancer_ips=(parse_address("192.0.2.1"),))
    picture = cluster(lone)
    assert (owner(picture), rivals(picture)) == ("solo", [])
    assert owner(picture.advance(gone(lone))) is None


# Where the node stands, and how it proxies.


def test_a_node_that_moves_to_another_zone_sees_other_endpoints():
    zones = {pod_.name: f"zone-{number}" for number, pod_ in enumerate(WEB_PODS)}
    hinted = slice_of("web", 4, WEB_PODS)
    hinted = replace(
        hinted,
        endpoints=tuple(
            replace(each, for_zones=(zones[each.target[1]],)) for each in hinted.endpoints
        ),
    )
    picture = cluster(hinted)
    assert len(backends(picture)) == 3
    assert picture.place.zone == ""
    for number, expected in ((0, "10.244.1.2"), (2, "10.244.3.2")):
        own = node(1, labels={"topology.kubernetes.io/zone": f"zone-{number}"})
        assert backends(picture.advance(batch(own))) == [expected]
    elsewhere = node(2, labels={"topology.kubernetes.io/zone": "zone-0"})
    assert picture.advance(batch(elsewhere)).frontends is picture.frontends


def test_local_endpoints_are_those_of_the_node_that_looks():
    local = service("web", 50, internal_traffic_policy="Local")
    for number, expected in ((1, ["10.244.1.2"]), (2, ["10.244.2.3"])):
        picture = cluster(local, on=f"node{number}")
        found = picture.frontends[WEB, 6, 80].local_backends
        assert [text(backend.ip) for backend in found] == expected


def test_the_mode_is_the_clusters_or_the_nodes_own():
    picture = cluster()
    assert picture.mode.name == "ipvs"
    tables = picture.advance(batch(replace(CONFIG, proxy_mode="nftables")))
    assert tables.mode.name == "nftables"
    own = node(1, labels={"kubehop.dev/proxy-mode": "iptables"})
    assert tables.advance(batch(own)).mode.name == "iptables"
    assert tables.advance(batch(node(2, labels=dict(own.labels)))).mode is tables.mode
    odd = node(1, labels={"kubehop.dev/proxy-mode": "no-such"})
    assert tables.advance(batch(odd)).mode.name == "nftables"


def test_rules_are_compiled_anew_when_the_mode_or_a_frontend_changes():
    picture = cluster()
    assert picture.rules.find((WEB, 6, 80)) == (picture.frontends[WEB, 6, 80], 1)
    walked = picture.advance(batch(replace(CONFIG, proxy_mode="iptables")))
    assert walked.rules.find((EMPTY, 6, 80)) == (walked.frontends[EMPTY, 6, 80], 1)
    # After the four of `empty`, whose name comes first: the same walk on every node and day.
    assert walked.rules.find((WEB, 6, 80)) == (walked.frontends[WEB, 6, 80], 5)
    fewer = walked.advance(gone(service("web", 50)))
    assert fewer.rules.find((WEB, 6, 80))[0] is None
    assert cluster().advance(batch(replace(CONFIG, proxy_mode="none"))).rules.find(
        (WEB, 6, 80)
    ) == (None, 1)


def test_scopes_last_as_long_as_what_they_balance():
    picture = cluster()
    of_port = ServicePortScope(("default", "web"), "http", "TCP")
    assert not picture.has_no_scope((WEB, 6, 80))
    assert not picture.has_no_scope(of_port)
    without = picture.advance(gone(service("web", 50)))
    assert without.has_no_scope((WEB, 6, 80))
    assert without.has_no_scope(of_port)


# The rest.


def test_namespaces_come_and_go():
    picture = cluster(Namespace("prod", {"team": "a"}))
    assert picture.namespaces["prod"].labels == {"team": "a"}
    assert not picture.advance(gone(Namespace("prod"))).namespaces


def test_manifests_are_none_of_its_business():
    old = cluster()
    new = old.advance(batch(Manifest("Pod", "default", "x", b"{}")))
    assert replace(new, revision=old.revision) == old


def test_a_changed_endpoint_copies_only_what_names_endpoints():
    old = cluster()
    new = old.advance(batch(slice_of("web", 4, WEB_PODS[:1])))
    assert backends(new) == [text(POD)]
    assert new.slices_by_service is old.slices_by_service
    assert new.service_addresses is old.service_addresses
    assert new.services is old.services


def test_endpoints_of_no_known_service_leave_the_frontends_alone():
    old = cluster()
    new = old.advance(batch(slice_of("unknown", 4, WEB_PODS)))
    assert new.frontends is old.frontends


def test_what_forwards_alike():
    old = cluster()
    assert old.advance(Batch("epoch", 9)).forwards_like(old)
    assert old.advance(batch(Namespace("other", {}))).forwards_like(old)
    assert not old.advance(batch(pod("web-9", 1, 99))).forwards_like(old)


def test_a_host_port_stays_with_who_has_it_and_goes_to_who_waits():
    port = (HostPort("TCP", 8080, 80),)
    first, second = (pod(f"p{n}", 1, 10 + n, host_ports=port) for n in (1, 2))
    both = cluster(first, second)
    assert {target.pod for target in both.host_ports.values()} == {first.key}
    without_second = both.advance(Batch("epoch", 2, (Change(second, deleted=True),)))
    assert without_second.host_ports == both.host_ports
    without_first = both.advance(Batch("epoch", 2, (Change(first, deleted=True),)))
    assert {target.pod for target in without_first.host_ports.values()} == {second.key}
    nobody = without_first.advance(Batch("epoch", 3, (Change(second, deleted=True),)))
    assert nobody.host_ports == {}
