"""What a StatefulSet does next."""

import pytest

from controlplane.controllers.stateful_pods import identity_labels
from controlplane.controllers.stateful_steps import (
    Planner,
    Revisions,
    revision_for,
    stateful_set_status,
)
from tests.unit.controlplane.objects import NOW, pod, stateful_set

OLD, NEW = ({"metadata": {"name": name}} for name in ("db-old", "db-new"))
BOTH = Revisions(OLD, NEW)
PARALLEL = {"podManagementPolicy": "Parallel"}


def member(ordinal, revision="db-new", **extra):
    name = f"db-{ordinal}"
    labels = {
        "app": "web",
        "controller-revision-hash": revision,
        **identity_labels(name, ordinal),
    }
    return pod(name, labels=labels, **extra)


def ending(ordinal, revision="db-new"):
    made = member(ordinal, revision)
    made["metadata"]["deletionTimestamp"] = "2030-01-01T12:00:00Z"
    return made


def plan(pods, replicas=3, **spec):
    return Planner(stateful_set("db", replicas=replicas, **spec), BOTH, pods, NOW).steps()


def names(pods):
    return [p["metadata"]["name"] for p in pods]


def test_pods_are_made_one_after_the_other():
    assert plan([]).create == (0,)
    assert plan([member(0)]).create == (1,)
    assert plan([member(0, ready=False)]).create == ()
    assert plan([member(0), member(2)]).create == (1,)
    assert plan([ending(0)]).create == ()


def test_parallel_sets_make_all_at_once():
    assert plan([member(1, ready=False)], **PARALLEL).create == (0, 2)


def test_a_pod_has_to_be_ready_for_long_enough():
    assert plan([member(0)], minReadySeconds=3600).create == (1,)
    assert plan([member(0)], minReadySeconds=3601).create == ()


def test_a_finished_pod_is_made_anew_whatever_its_exit_code():
    for phase in ("Failed", "Succeeded"):
        steps = plan([member(0, phase=phase)])
        assert names(steps.delete) == ["db-0"]
        assert steps.create == ()
    gone = ending(0)
    gone["status"]["phase"] = "Failed"
    assert plan([gone]).delete == ()


def test_scaling_down_takes_the_highest_first():
    all_well = [member(n) for n in range(4)]
    assert names(plan(all_well, replicas=2).scale_down) == ["db-3"]
    assert names(plan(all_well, replicas=2, **PARALLEL).scale_down) == ["db-3", "db-2"]
    assert plan([*all_well[:3], ending(3)], replicas=2).scale_down == ()


def test_scaling_down_waits_for_another_unwell_pod():
    first_unwell = [member(0), member(1, ready=False)]
    assert names(plan(first_unwell, replicas=1).scale_down) == ["db-1"]
    two = [member(0), member(1, ready=False), member(2, ready=False)]
    assert plan(two, replicas=1).scale_down == ()


def test_an_update_goes_down_from_the_highest():
    pods = [member(0, "db-old"), member(1, "db-old"), member(2, "db-old")]
    assert names(plan(pods).delete) == ["db-2"]
    assert names(plan([*pods[:2], member(2)]).delete) == ["db-1"]
    assert plan([*pods[:2], member(2, ready=False)]).delete == ()
    parallel = plan([*pods[:2], ending(2, "db-old")], **PARALLEL)
    assert parallel.delete == ()


@pytest.mark.parametrize(("start", "partition", "deleted"), [(0, 2, "db-2"), (5, 2, "db-7")])
def test_ordinals_below_the_partition_stay(start, partition, deleted):
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": partition}}
    settings = {"updateStrategy": strategy, "ordinals": {"start": start}}
    pods = [member(start + n, "db-old") for n in range(3)]
    assert names(plan(pods, **settings).delete) == [deleted]
    done = [*pods[:2], member(start + 2)]
    assert plan(done, **settings).delete == ()
    db = stateful_set("db", **settings)
    assert revision_for(db, BOTH, start + 1) is OLD
    assert revision_for(db, BOTH, start + 2) is NEW


def test_on_delete_leaves_pods_to_the_user():
    pods = [member(n, "db-old") for n in range(3)]
    strategy = {"updateStrategy": {"type": "OnDelete"}}
    assert plan(pods, **strategy).delete == ()
    assert revision_for(stateful_set("db", **strategy), BOTH, 0) is NEW


def test_lost_labels_of_identity_come_back():
    bare = member(0)
    del bare["metadata"]["labels"]["apps.kubernetes.io/pod-index"]
    assert names(plan([bare], replicas=1).repair) == ["db-0"]


def test_a_set_on_its_way_out_does_nothing():
    db = stateful_set("db", replicas=3)
    db["metadata"]["deletionTimestamp"] = "2030-01-01T12:00:00Z"
    assert Planner(db, BOTH, [], NOW).steps().create == ()


def test_status_in_the_middle_of_an_update():
    pods = [member(0, "db-old"), member(1, ready=False), ending(2, "db-old")]
    assert stateful_set_status(stateful_set("db", replicas=3), BOTH, pods, NOW) == {
        "observedGeneration": 1,
        "replicas": 3,
        "readyReplicas": 2,
        "currentReplicas": 1,
        "updatedReplicas": 1,
        "availableReplicas": 2,
        "currentRevision": "db-old",
        "updateRevision": "db-new",
        "collisionCount": 0,
    }


def test_the_update_becomes_the_current_revision_at_its_end():
    status = stateful_set_status(stateful_set("db"), BOTH, [member(0)], NOW)
    assert status["currentRevision"] == "db-new"
    assert status["currentReplicas"] == 1
    on_delete = stateful_set("db", updateStrategy={"type": "OnDelete"})
    assert stateful_set_status(on_delete, BOTH, [member(0)], NOW)["currentRevision"] == "db-old"
