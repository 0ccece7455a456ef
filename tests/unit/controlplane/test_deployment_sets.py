"""The ReplicaSets that a Deployment makes."""

from controlplane.controllers import rollout
from controlplane.controllers.deployment_sets import annotations_of, new_replica_set
from tests.unit.controlplane.objects import replica_set
from tests.unit.controlplane.test_rollout import deployment


def made(old=(), **options):
    target = deployment(**options)
    target["metadata"]["uid"] = "u"
    target["spec"]["selector"] = {"matchLabels": {"app": "web"}}
    return target, new_replica_set(target, list(old))


def test_hash_selector_and_owner():
    target, fresh = made()
    digest = fresh["metadata"]["labels"][rollout.HASH_LABEL]
    assert fresh["metadata"]["name"] == f"web-{digest}"
    assert fresh["spec"]["selector"]["matchLabels"] == {"app": "web", rollout.HASH_LABEL: digest}
    assert fresh["metadata"]["ownerReferences"][0]["kind"] == "Deployment"
    assert rollout.HASH_LABEL not in target["spec"]["template"]["metadata"]["labels"]
    assert rollout.find_new(target, [fresh | {"metadata": {**fresh["metadata"]}}]) is not None


def test_the_first_size_leaves_room_for_the_old():
    assert made()[1]["spec"]["replicas"] == 4
    assert made([replica_set("old", 4)])[1]["spec"]["replicas"] == 1
    assert made([replica_set("old", 9)])[1]["spec"]["replicas"] == 0


def test_a_collision_changes_the_name():
    target, fresh = made()
    target["status"] = {"collisionCount": 1}
    assert new_replica_set(target, [])["metadata"]["name"] != fresh["metadata"]["name"]


def test_annotations():
    target = deployment()
    target["metadata"]["annotations"] = {
        "kubernetes.io/change-cause": "x",
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
        rollout.REVISION: "7",
    }
    assert annotations_of(target, 2) == {
        "kubernetes.io/change-cause": "x",
        rollout.REVISION: "2",
        rollout.DESIRED_REPLICAS: "4",
        rollout.MAX_REPLICAS: "5",
    }
