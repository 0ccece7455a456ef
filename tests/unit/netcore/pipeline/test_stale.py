from dataclasses import replace

from netcore.model.address import packed, parse_address
from netcore.model.change import Batch, Change
from netcore.pipeline.stale import gone_backends
from tests.support.cluster import EMPTY, WEB, WEB_PODS, batch, cluster, pod, service, slice_of
from tests.support.frames import PEER, POD

HTTP, DNS = (WEB, 6, 80), (WEB, 17, 53)
TCP_PAIR, UDP_PAIR = (HTTP, (POD, 8080)), (DNS, (POD, 5353))
PAIRS = (TCP_PAIR, UDP_PAIR, (DNS, (PEER, 5353)))
OLD = cluster()


def gone(new, old=OLD, pairs=PAIRS):
    return gone_backends(pairs, old, new)


def deleted(*objects):
    return Batch("epoch", 2, tuple(Change(each, deleted=True) for each in objects))


def with_first(**conditions):
    """The slice of web whose first endpoint (web-1, POD) has these conditions."""
    whole = slice_of("web", 4, WEB_PODS)
    first, *others = whole.endpoints
    return replace(whole, endpoints=(replace(first, **conditions), *others))


def test_nothing_goes_when_nothing_changes():
    assert gone(OLD) == frozenset()
    assert gone(OLD.advance(batch(pod("new", 1, 77)))) == frozenset()
    assert gone(OLD.advance(batch(service("other", 60)))) == frozenset()


def test_udp_to_an_endpoint_that_left_is_forgotten_at_once():
    assert gone(OLD.advance(batch(slice_of("web", 4, WEB_PODS[1:])))) == {UDP_PAIR}


def test_tcp_outlives_its_endpoint_as_long_as_the_pod_is_there():
    """The connection goes on; the pod itself closes it when it drains."""
    new = OLD.advance(batch(slice_of("web", 4, ())))
    assert TCP_PAIR not in gone(new)


def test_tcp_to_a_pod_that_is_gone_is_forgotten():
    new = OLD.advance(deleted(WEB_PODS[0]))
    assert gone(new) == {TCP_PAIR}
    assert gone(new.advance(batch(pod("new", 1, 77))), old=new) == frozenset(), "it is old news"


def test_tcp_to_an_endpoint_outside_the_cluster_is_left_alone():
    outside = (HTTP, (packed("172.18.0.99"), 8080))
    assert gone(OLD.advance(batch(slice_of("web", 4, ()))), pairs=[outside]) == frozenset()


def test_who_drains_is_still_talked_to():
    """Not chosen for new flows, but flows that are there go on until it stops serving."""
    draining = OLD.advance(batch(with_first(ready=False, serving=True, terminating=True)))
    assert (POD, 5353) not in [each.place for each in draining.frontends[DNS].backends]
    assert gone(draining) == frozenset()
    stopped = draining.advance(batch(with_first(ready=False, serving=False, terminating=True)))
    assert gone(stopped, old=draining) == {UDP_PAIR}


def test_hints_and_policies_end_no_flow():
    """Who is farther away, or not on this node, is still an endpoint."""
    hinted = with_first(for_nodes=("node3",), for_zones=("zone-z",))
    assert gone(OLD.advance(batch(hinted))) == frozenset()
    local = service("web", 50, internal_traffic_policy="Local")
    assert gone(OLD.advance(batch(local))) == frozenset()


def test_udp_to_a_service_that_is_gone_or_has_moved_is_forgotten():
    assert gone(OLD.advance(deleted(service("web", 50)))) == set(PAIRS[1:])
    assert gone(OLD.advance(batch(service("web", 60)))) == set(PAIRS[1:])
    narrow = replace(service("web", 50), ports=service("web", 50).ports[:1])
    assert gone(OLD.advance(batch(narrow))) == set(PAIRS[1:])


def test_a_changed_target_port_is_another_endpoint():
    moved = slice_of("web", 4, WEB_PODS)
    moved = replace(moved, ports=tuple(replace(p, port=p.port + 1) for p in moved.ports))
    assert gone(OLD.advance(batch(moved))) == set(PAIRS[1:])


def test_an_address_that_another_service_takes_over_is_not_the_same_service():
    heir = OLD.advance(batch(service("web", 51), service("empty", 50)))
    assert gone(heir) == set(PAIRS[1:])
    assert gone(heir, pairs=[((EMPTY, 17, 53), (POD, 5353))]) == frozenset()


def test_node_ports_and_ipv6_have_their_own_endpoints():
    fields = {
        "type": "NodePort",
        "ports": tuple(
            replace(each, node_port=30000 + each.port) for each in service("web", 50).ports
        ),
    }
    old = OLD.advance(batch(service("web", 50, **fields)))
    six = parse_address("fd00:10:244:1::2").packed
    pairs = [((b"4", 17, 30053), (POD, 5353)), ((b"6", 17, 30053), (six, 5353))]
    assert gone(old.advance(batch(slice_of("web", 4, WEB_PODS[1:]))), old, pairs) == {pairs[0]}
    assert gone(old.advance(batch(slice_of("web", 6, WEB_PODS[1:]))), old, pairs) == {pairs[1]}
