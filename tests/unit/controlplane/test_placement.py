"""Where pods go, and the words when they cannot go anywhere."""

import pytest

from controlplane.controllers.placement import place, tolerates, why_not
from tests.unit.controlplane.objects import node, owned, pod

TAINT = {"key": "k", "value": "v", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("toleration", "expected"),
    [
        ({"key": "k", "value": "v", "effect": "NoSchedule"}, True),
        ({"key": "k", "operator": "Equal", "value": "v"}, True),
        ({"key": "k", "operator": "Exists"}, True),
        ({"operator": "Exists"}, True),
        ({"key": "k", "value": "other"}, False),
        ({"key": "other", "operator": "Exists"}, False),
        ({"key": "k", "operator": "Exists", "effect": "NoExecute"}, False),
    ],
)
def test_tolerations(toleration, expected):
    assert tolerates([toleration], TAINT) is expected


def test_no_nodes():
    assert place(pod(node=""), [], []).message == "no nodes available to schedule pods"


def test_every_reason_is_counted_in_the_words_of_the_scheduler():
    nodes = [
        node("a", taints=[TAINT]),
        node("b", unschedulable=True),
        node("c", labels={"disk": "hdd"}),
        node("d", labels={"disk": "hdd"}),
    ]
    wanting = pod(node="")
    wanting["spec"]["nodeSelector"] = {"disk": "ssd"}
    assert place(wanting, nodes, []).message == (
        "0/4 nodes are available: 1 node(s) had untolerated taint {k: v}, "
        "1 node(s) were unschedulable, 2 node(s) didn't match Pod's node affinity/selector. "
        "preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling."
    )


def test_a_node_that_is_not_ready_is_left_out():
    assert place(pod(node=""), [node("a", ready="Unknown"), node("b")], []).node == "b"


def test_replicas_of_one_owner_spread_before_pods_do():
    nodes = [node("a"), node("b")]
    mine = owned(pod("m1", "a"), "rs1")
    others = [pod(f"o{n}", "b") for n in range(3)]
    assert place(owned(pod("m2", ""), "rs1"), nodes, [mine, *others]).node == "b"
    assert place(pod("x", ""), nodes, [mine, *others]).node == "a"


def test_finished_and_terminating_replicas_do_not_count():
    nodes = [node("a"), node("b")]
    gone = owned(pod("m1", "a", deletionTimestamp="2030-01-01T00:00:00Z"), "rs1")
    done = owned(pod("m2", "b", phase="Succeeded"), "rs1")
    assert place(owned(pod("m3", ""), "rs1"), nodes, [gone, done]).node == "b"


@pytest.mark.parametrize(
    ("expression", "fits"),
    [
        ({"key": "zone", "operator": "In", "values": ["a", "b"]}, True),
        ({"key": "zone", "operator": "NotIn", "values": ["a"]}, False),
        ({"key": "zone", "operator": "Exists"}, True),
        ({"key": "rack", "operator": "DoesNotExist"}, True),
        ({"key": "cores", "operator": "Gt", "values": ["4"]}, True),
        ({"key": "cores", "operator": "Lt", "values": ["4"]}, False),
        ({"key": "zone", "operator": "Gt", "values": ["4"]}, False),
    ],
)
def test_required_node_affinity(expression, fits):
    wanting = pod(node="")
    terms = [{"matchExpressions": [expression]}]
    wanting["spec"]["affinity"] = {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}
        }
    }
    reason = why_not(wanting, node(labels={"zone": "a", "cores": "8"}), [])
    assert (reason == "") is fits


def test_host_ports_clash():
    def using(port, address=""):
        made = pod("h", "a")
        made["spec"]["containers"][0]["ports"] = [
            {"containerPort": 80, "hostPort": port, "hostIP": address}
        ]
        return made

    assert "free ports" in why_not(using(80), node("a"), [using(80)])
    assert why_not(using(81), node("a"), [using(80)]) == ""
    assert why_not(using(80, "10.0.0.1"), node("a"), [using(80, "10.0.0.2")]) == ""
    assert "free ports" in why_not(using(80, "10.0.0.1"), node("a"), [using(80)])


def test_a_full_node():
    full = node("a")
    full["status"]["allocatable"] = {"pods": "1"}
    assert why_not(pod(node=""), full, [pod("x", "a")]) == "Too many pods"
