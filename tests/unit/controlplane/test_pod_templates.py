"""Pods out of templates."""

from controlplane.controllers.pod_templates import pod_from_template
from tests.unit.controlplane.objects import replica_set


def test_a_new_pod_belongs_to_its_set():
    made = pod_from_template(replica_set("rs"))
    assert made["metadata"]["generateName"] == "rs-"
    assert made["metadata"]["labels"] == {"app": "web"}
    assert made["metadata"]["ownerReferences"][0] == {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": "rs",
        "uid": "uid-rs",
        "controller": True,
        "blockOwnerDeletion": True,
    }


def test_an_older_template_can_be_used():
    older = {"metadata": {"annotations": {"a": "b"}}, "spec": {"containers": []}}
    made = pod_from_template(replica_set("rs"), older)
    assert made["metadata"]["annotations"] == {"a": "b"}
    assert made["spec"] == {"containers": []}
