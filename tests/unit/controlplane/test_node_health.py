"""What a node's silence means."""

from datetime import timedelta

import pytest

from controlplane.controllers.heartbeats import Sign
from controlplane.controllers.node_health import (
    desired_taints,
    eviction_time,
    node_conditions,
    pod_conditions,
)
from tests.unit.controlplane.objects import NOW, node, pod

SIGN = Sign("i", True, "", 0.0)
LOST = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute",
        "timeAdded": "2030-01-01T12:00:00Z"}  # fmt: skip


@pytest.mark.parametrize(
    ("sign", "alive", "known", "expected"),
    [
        (SIGN, True, True, ("True", "KubeletReady")),
        (Sign("i", False, "why", 0.0), True, True, ("False", "KubeletNotReady")),
        (SIGN, False, True, ("Unknown", "NodeStatusUnknown")),
        (None, False, False, ("Unknown", "NodeStatusNeverUpdated")),
    ],
)
def test_ready_condition(sign, alive, known, expected):
    conditions = node_conditions(sign, alive=alive, known=known)
    assert conditions[-1]["type"] == "Ready"
    assert (conditions[-1]["status"], conditions[-1]["reason"]) == expected
    assert {c["type"] for c in conditions} == {
        "Ready", "MemoryPressure", "DiskPressure", "PIDPressure",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("ready", "keys"),
    [
        ("True", set()),
        ("False", {"node.kubernetes.io/not-ready"}),
        ("Unknown", {"node.kubernetes.io/unreachable"}),
    ],
)
def test_taints_follow_the_condition_and_leave_others_alone(ready, keys):
    mine = {"key": "mine", "effect": "NoSchedule"}
    taints = desired_taints(node(ready=ready, taints=[mine]), NOW)
    assert taints[0] == mine
    assert {t["key"] for t in taints[1:]} == keys
    assert len(taints) == 1 + 2 * len(keys)


def test_taints_keep_their_time():
    first = desired_taints(node(ready="Unknown"), NOW)
    later = desired_taints(node(ready="Unknown", taints=first), NOW + timedelta(seconds=9))
    assert later == first
    assert desired_taints(node(ready="True", taints=first), NOW) == []


def test_cordoned():
    (taint,) = desired_taints(node(unschedulable=True), NOW)
    assert taint["key"] == "node.kubernetes.io/unschedulable"


@pytest.mark.parametrize(
    ("tolerations", "expected"),
    [
        ([], NOW),
        ([{"operator": "Exists"}], None),
        ([{"key": LOST["key"], "operator": "Exists", "tolerationSeconds": 30}],
         NOW + timedelta(seconds=30)),
        ([{"key": "other", "operator": "Exists", "tolerationSeconds": 30}], NOW),
    ],
)  # fmt: skip
def test_eviction(tolerations, expected):
    staying = pod()
    staying["spec"]["tolerations"] = tolerations
    assert eviction_time(staying, node(taints=[LOST]), NOW) == expected
    assert eviction_time(staying, node(), NOW) is None


def ready_of(conditions):
    return next(c for c in conditions if c["type"] == "Ready")


def test_a_lost_pod_comes_back_with_its_node():
    lost = pod()
    lost["status"]["conditions"] = pod_conditions(lost, node_ready=False)
    assert ready_of(lost["status"]["conditions"])["status"] == "False"
    assert pod_conditions(lost, node_ready=False) is None
    lost["status"]["conditions"] = pod_conditions(lost, node_ready=True)
    back = ready_of(lost["status"]["conditions"])
    assert back["status"] == "True"
    assert "reason" not in back
    assert pod_conditions(lost, node_ready=True) is None


def test_a_pod_that_its_agent_called_unready_stays_so():
    assert pod_conditions(pod(ready=False), node_ready=True) is None
    assert pod_conditions({"metadata": {}, "spec": {}}, node_ready=False) is None
