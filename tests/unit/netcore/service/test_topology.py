from dataclasses import replace

import pytest

from netcore.model.address import parse_address
from netcore.model.endpoint import Endpoint
from netcore.service.topology import Place, cluster_endpoints, local_endpoints

HERE = Place("node1", "zone-a")
NOWHERE = Place("node1")


def endpoint(number, node="node2", **fields):
    return Endpoint((parse_address(f"10.244.0.{number}"),), node_name=node, **fields)


def leaving(number, node="node2"):
    return endpoint(number, node, ready=False, serving=True, terminating=True)


def numbers(choose, *endpoints, place=HERE):
    found = choose([(each, 8080) for each in endpoints], place)
    assert all(port == 8080 for _, port in found)
    return [int(str(each.addresses[0]).rsplit(".", 1)[1]) for each, _ in found]


def test_nobody_is_nobody():
    assert cluster_endpoints([], HERE) == []
    assert local_endpoints([], HERE) == []


@pytest.mark.parametrize("choose", [cluster_endpoints, local_endpoints])
def test_ready_ones_answer_and_keep_their_order(choose):
    unready = endpoint(2, "node1", ready=False, serving=False)
    assert numbers(choose, endpoint(3, "node1"), unready, endpoint(1, "node1")) == [3, 1]


@pytest.mark.parametrize("choose", [cluster_endpoints, local_endpoints])
def test_terminating_ones_answer_only_where_nobody_is_ready(choose):
    both = leaving(1, "node1"), endpoint(2, "node1")
    assert numbers(choose, *both) == [2]
    assert numbers(choose, both[0]) == [1]


@pytest.mark.parametrize(
    ("serving", "terminating", "answers"),
    [(True, True, [1]), (False, True, []), (True, False, []), (False, False, [])],
)
def test_the_last_resort_both_serves_and_terminates(serving, terminating, answers):
    one = endpoint(1, "node1", ready=False, serving=serving, terminating=terminating)
    assert numbers(cluster_endpoints, one) == answers
    assert numbers(local_endpoints, one) == answers


def test_published_although_not_ready_is_ready():
    """publishNotReadyAddresses makes the API say ready, even while the pod terminates."""
    published = endpoint(1, "node1", ready=True, serving=False, terminating=True)
    assert numbers(cluster_endpoints, published) == [1]
    assert numbers(local_endpoints, published) == [1]


def test_local_is_of_this_node_alone():
    assert numbers(local_endpoints, endpoint(1), endpoint(2, "node1"), endpoint(3, "")) == [2]
    assert numbers(local_endpoints, endpoint(1)) == []


def test_the_last_resort_is_sought_here_though_others_are_ready_elsewhere():
    assert numbers(local_endpoints, endpoint(1), leaving(2, "node1")) == [2]
    assert numbers(cluster_endpoints, endpoint(1), leaving(2, "node1")) == [1]


def test_hints_are_none_of_locals_business():
    hinted = endpoint(1, "node1", for_zones=("zone-b",), for_nodes=("node9",))
    assert numbers(local_endpoints, hinted) == [1]


# Hints.

NEAR = endpoint(1, for_zones=("zone-a",))
FAR = endpoint(2, for_zones=("zone-b",))


def test_hints_for_the_zone_are_followed():
    assert numbers(cluster_endpoints, NEAR, FAR) == [1]
    assert numbers(cluster_endpoints, NEAR, FAR, place=Place("node9", "zone-b")) == [2]


def test_an_endpoint_may_be_for_several_zones():
    both = replace(FAR, for_zones=("zone-b", "zone-a"))
    assert numbers(cluster_endpoints, NEAR, both) == [1, 2]


@pytest.mark.parametrize("place", [NOWHERE, Place("node1", "zone-c")])
def test_hints_for_others_alone_are_not_followed(place):
    assert numbers(cluster_endpoints, NEAR, FAR, place=place) == [1, 2]


def test_one_ready_endpoint_without_a_hint_undoes_them_all():
    assert numbers(cluster_endpoints, NEAR, FAR, endpoint(3)) == [1, 2, 3]
    unready = endpoint(3, ready=False)
    assert numbers(cluster_endpoints, NEAR, FAR, unready) == [1]


def test_hints_of_who_is_not_ready_count_for_nothing():
    gone = replace(NEAR, ready=False)
    assert numbers(cluster_endpoints, gone, FAR) == [2]
    last = replace(leaving(4), for_zones=("zone-b",))
    assert numbers(cluster_endpoints, last) == [4]


def test_hints_for_the_node_come_before_those_for_the_zone():
    mine = endpoint(1, for_zones=("zone-a",), for_nodes=("node1",))
    neighbour = endpoint(2, for_zones=("zone-a",), for_nodes=("node2",))
    away = endpoint(3, for_zones=("zone-b",), for_nodes=("node3",))
    assert numbers(cluster_endpoints, mine, neighbour, away) == [1]
    assert numbers(cluster_endpoints, neighbour, away) == [2]  # none for this node: its zone
    assert numbers(cluster_endpoints, away) == [3]  # nor for its zone: whoever there is
    unhinted = replace(away, for_nodes=())
    assert numbers(cluster_endpoints, mine, neighbour, unhinted) == [1, 2]
