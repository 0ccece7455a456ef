"""Pods of Jobs."""

from controlplane.controllers.job_pods import (
    failures_of,
    has_failed,
    has_succeeded,
    index_of,
    is_tracked,
    new_pod,
)
from tests.unit.controlplane.objects import job, job_pod

GONE = {"deletionTimestamp": "2030-01-01T12:00:00Z"}


def test_a_pod_is_tracked_from_its_beginning():
    made = new_pod(job())
    assert made["metadata"]["generateName"] == "job-"
    assert is_tracked(made)
    assert index_of(made) is None
    assert "env" not in made["spec"]["containers"][0]


def test_a_pod_of_an_index_knows_it():
    container = {"name": "c", "image": "i", "env": [{"name": "A", "value": "b"}]}
    indexed = job(
        completionMode="Indexed",
        backoffLimitPerIndex=1,
        pod_spec={"containers": [container], "initContainers": [{"name": "i", "image": "i"}]},
    )
    made = new_pod(indexed, 3, failures=2)
    about = made["metadata"]
    assert about["generateName"] == "job-3-"
    assert about["labels"]["batch.kubernetes.io/job-completion-index"] == "3"
    assert index_of(made) == 3
    assert failures_of(made) == 2
    assert made["spec"]["hostname"] == "job-3"
    variable = {
        "name": "JOB_COMPLETION_INDEX",
        "valueFrom": {
            "fieldRef": {
                "apiVersion": "v1",
                "fieldPath": "metadata.labels['batch.kubernetes.io/job-completion-index']",
            }
        },
    }
    assert made["spec"]["containers"][0]["env"] == [{"name": "A", "value": "b"}, variable]
    assert made["spec"]["initContainers"][0]["env"] == [variable]


def test_the_users_own_index_variable_stays():
    own = {"name": "JOB_COMPLETION_INDEX", "value": "x"}
    container = {"name": "c", "image": "i", "env": [own]}
    made = new_pod(job(completionMode="Indexed", pod_spec={"containers": [container]}), 0)
    assert made["spec"]["containers"][0]["env"] == [own]
    assert failures_of(made) == 0


def test_a_deleted_pod_has_failed_unless_only_failed_ones_are_replaced():
    deleted = job_pod(**GONE)
    assert has_failed(job(), deleted)
    assert not has_failed(job(podReplacementPolicy="Failed"), deleted)
    assert not has_failed(job(podFailurePolicy={"rules": []} | {"x": 1}), deleted)
    assert not has_failed(job(), job_pod(phase="Succeeded", **GONE))
    assert has_succeeded(job_pod(phase="Succeeded"))
    assert has_failed(job(podReplacementPolicy="Failed"), job_pod(phase="Failed"))
