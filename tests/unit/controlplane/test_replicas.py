"""What a ReplicaSet does next."""

from controlplane.controllers.replicas import deletion_order, replica_set_status, replicate
from tests.unit.controlplane.objects import NOW, pod, replica_set


def test_missing_pods_are_created():
    gone = pod("x", deletionTimestamp="2030-01-01T00:00:00Z")
    done = pod("y", phase="Failed")
    assert replicate(replica_set(replicas=3), [pod("a"), gone, done]).create == 2


def test_surplus_goes_in_the_order_of_least_loss():
    ready, unready, pending = (
        pod("ready"),
        pod("unready", ready=False),
        pod("pending", phase="Pending"),
    )
    unbound = pod("unbound", node="", ip="", phase="Pending", ready=False)
    todo = replicate(replica_set(replicas=1), [ready, unready, pending, unbound])
    assert [p["metadata"]["name"] for p in todo.delete] == ["unbound", "pending", "unready"]


def test_crowded_nodes_lose_first_then_the_young():
    pods = [pod("a", "n1"), pod("b", "n2"), pod("c", "n2")]
    pods[2]["metadata"]["creationTimestamp"] = "2030-01-01T11:30:00Z"
    assert [p["metadata"]["name"] for p in deletion_order(pods)] == ["c", "b", "a"]


def test_a_deletion_cost_is_respected():
    cheap = pod("cheap")
    dear = pod("dear", annotations={"controller.kubernetes.io/pod-deletion-cost": "10"})
    odd = pod("odd", annotations={"controller.kubernetes.io/pod-deletion-cost": "x"})
    assert deletion_order([dear, cheap, odd])[-1] is dear


def test_status_counts():
    pods = [pod("a"), pod("b", ready=False), pod("c", phase="Succeeded")]
    pods[1]["metadata"]["labels"] = {}
    assert replica_set_status(replica_set(), pods, NOW) == {
        "replicas": 2,
        "fullyLabeledReplicas": 1,
        "readyReplicas": 1,
        "availableReplicas": 1,
        "observedGeneration": 1,
    }
