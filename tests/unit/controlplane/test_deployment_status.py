"""What a Deployment says of itself."""

from datetime import timedelta

from controlplane.controllers.deployment_status import deployment_status, seconds_to_deadline
from tests.unit.controlplane.objects import NOW, replica_set
from tests.unit.controlplane.test_rollout import deployment


def look(target, new, sets, at=NOW):
    status = deployment_status(target, new, sets, at)
    target["status"] = status
    return status, {c["type"]: c for c in status["conditions"]}


def ready(new, count):
    new["status"] = {"replicas": count, "readyReplicas": count, "availableReplicas": count}


def test_from_progress_to_completion():
    target, new = deployment(2, progressDeadlineSeconds=600), replica_set("new", 2)
    status, conditions = look(target, new, [new])
    assert status["unavailableReplicas"] == 2
    assert conditions["Available"]["status"] == "False"
    assert conditions["Progressing"]["reason"] == "ReplicaSetUpdated"
    ready(new, 2)
    status, conditions = look(target, new, [new])
    assert status["availableReplicas"] == status["updatedReplicas"] == 2
    assert "unavailableReplicas" not in status
    assert conditions["Available"]["reason"] == "MinimumReplicasAvailable"
    assert conditions["Progressing"]["reason"] == "NewReplicaSetAvailable"
    assert conditions["Progressing"]["message"] == ('ReplicaSet "new" has successfully progressed.')
    assert seconds_to_deadline(target, NOW) is None


def test_a_rollout_that_does_not_move_is_late():
    target, new = deployment(2, progressDeadlineSeconds=10), replica_set("new", 2)
    look(target, new, [new])
    assert seconds_to_deadline(target, NOW) == 11
    _, conditions = look(target, new, [new], NOW + timedelta(seconds=10))
    assert conditions["Progressing"]["reason"] == "ProgressDeadlineExceeded"
    assert conditions["Progressing"]["status"] == "False"


def test_progress_moves_the_deadline():
    target, new = deployment(3, progressDeadlineSeconds=10), replica_set("new", 3)
    look(target, new, [new])
    ready(new, 1)
    _, conditions = look(target, new, [new], NOW + timedelta(seconds=8))
    assert conditions["Progressing"]["lastUpdateTime"] == "2030-01-01T12:00:08Z"
    assert conditions["Progressing"]["lastTransitionTime"] == "2030-01-01T12:00:00Z"
    _, conditions = look(target, new, [new], NOW + timedelta(seconds=12))
    assert conditions["Progressing"]["status"] == "True"


def test_nothing_new_changes_nothing():
    target, new = deployment(2), replica_set("new", 2)
    ready(new, 2)
    first, _ = look(target, new, [new])
    second, _ = look(target, new, [new], NOW + timedelta(hours=1))
    assert first == second


def test_pause_and_resume():
    target, new = deployment(1, paused=True), replica_set("new", 1)
    _, conditions = look(target, new, [new])
    assert conditions["Progressing"]["reason"] == "DeploymentPaused"
    target["spec"]["paused"] = False
    _, conditions = look(target, new, [new])
    assert conditions["Progressing"]["reason"] == "DeploymentResumed"


def test_a_failure_to_create_pods_is_passed_on_and_goes_away():
    target, new = deployment(1), replica_set("new", 1)
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "m"}
    new["status"]["conditions"] = [failure]
    _, conditions = look(target, new, [new])
    assert conditions["ReplicaFailure"]["message"] == "m"
    new["status"]["conditions"] = []
    _, conditions = look(target, new, [new])
    assert "ReplicaFailure" not in conditions
