"""Where a DaemonSet's pods belong and how they look."""

import pytest

from controlplane.controllers.daemon_pods import (
    by_node,
    is_updated,
    new_pod,
    should_run,
    target_node,
    tolerations,
)
from tests.unit.controlplane.objects import daemon_set, node, pod


def with_spec(**spec):
    made = daemon_set()
    made["spec"]["template"]["spec"] |= spec
    return made


def taint(key, effect):
    return {"key": key, "effect": effect}


@pytest.mark.parametrize(
    ("spec", "target", "expected"),
    [
        ({}, node(), (True, True)),
        ({"nodeSelector": {"disk": "ssd"}}, node(), (False, False)),
        ({"nodeSelector": {"disk": "ssd"}}, node(labels={"disk": "ssd"}), (True, True)),
        ({"nodeName": "other"}, node(), (False, False)),
        ({}, node(taints=[taint("mine", "NoSchedule")]), (False, True)),
        ({}, node(taints=[taint("mine", "NoExecute")]), (False, False)),
        ({}, node(taints=[taint("mine", "PreferNoSchedule")]), (True, True)),
        ({"tolerations": [{"operator": "Exists"}]}, node(taints=[taint("mine", "NoExecute")]),
         (True, True)),
        ({}, node(taints=[taint("node.kubernetes.io/unschedulable", "NoSchedule")]), (True, True)),
        ({}, node(taints=[taint("node.kubernetes.io/unreachable", "NoExecute")]), (True, True)),
    ],
)  # fmt: skip
def test_where_it_runs(spec, target, expected):
    assert should_run(with_spec(**spec), target) == expected


def test_only_pods_of_the_host_network_stand_a_missing_network():
    key = "node.kubernetes.io/network-unavailable"
    assert key in {t["key"] for t in tolerations({"hostNetwork": True})}
    assert key not in {t["key"] for t in tolerations({})}


def test_a_pod_fits_its_node_only():
    preferred = {"preferredDuringSchedulingIgnoredDuringExecution": []}
    made = new_pod(with_spec(affinity={"nodeAffinity": preferred}), "n1", "abc")
    assert made["metadata"]["generateName"] == "ds-"
    assert made["metadata"]["labels"]["controller-revision-hash"] == "abc"
    assert made["metadata"]["labels"]["pod-template-generation"] == "1"
    assert target_node(made) == "n1"
    assert (
        "preferredDuringSchedulingIgnoredDuringExecution"
        in made["spec"]["affinity"]["nodeAffinity"]
    )
    assert is_updated(made, "abc")
    assert not is_updated(made, "abd")


def test_pods_are_sorted_by_node_and_age():
    young = pod("young", creationTimestamp="2030-01-01T11:00:00Z")
    old = pod("old")
    waiting = new_pod(daemon_set(), "n2", "abc")
    waiting["metadata"]["name"] = "waiting"
    stranger = pod("stranger", node="")
    found = by_node([young, old, waiting, stranger])
    assert found == {"n1": [old, young], "n2": [waiting], "": [stranger]}
