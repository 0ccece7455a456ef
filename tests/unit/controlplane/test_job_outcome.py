"""How Jobs end."""

from datetime import timedelta

import pytest

from controlplane.controllers.job_outcome import (
    FAILURE,
    SUCCESS,
    Outcome,
    decide_outcome,
    known_outcome,
    seconds_to_deadline,
)
from controlplane.controllers.job_tracking import Tally
from tests.unit.controlplane.objects import NOW, job, job_pod


def outcome(owner, *pods):
    return decide_outcome(Tally(owner, pods), NOW)


def reason(owner, *pods):
    found = outcome(owner, *pods)
    return found.reason if found else None


def test_enough_successes_complete_it_once_nothing_runs():
    done = job_pod("a", "Succeeded")
    assert outcome(job(), done) == Outcome(
        SUCCESS, "CompletionsReached", "Reached expected number of succeeded pods"
    )
    assert outcome(job(), done).terminal == "Complete"
    assert reason(job(completions=2), done) is None
    assert reason(job(), done, job_pod("b")) is None
    assert reason(job(completions=0)) == "CompletionsReached"


def test_a_work_queue_completes_with_its_last_worker():
    queue = job(parallelism=2)
    queue["spec"]["completions"] = None
    done = job_pod("a", "Succeeded")
    assert reason(queue, done, job_pod("b")) is None
    assert reason(queue, done, job_pod("b", "Succeeded")) == "CompletionsReached"
    assert reason(queue, job_pod("b", "Failed")) is None


def test_more_failures_than_allowed_fail_it():
    pods = [job_pod(name, "Failed") for name in "abc"]
    assert reason(job(backoffLimit=3), *pods) is None
    found = outcome(job(backoffLimit=2), *pods)
    assert found == Outcome(
        FAILURE, "BackoffLimitExceeded", "Job has reached the specified backoff limit"
    )
    assert found.terminal == "Failed"


@pytest.mark.parametrize(
    ("limit", "restarts", "expected"),
    [(2, 1, None), (2, 2, "BackoffLimitExceeded"), (0, 0, None), (0, 1, "BackoffLimitExceeded")],
)
def test_restarts_in_place_are_failures(limit, restarts, expected):
    owner = job(backoffLimit=limit, pod_spec={"restartPolicy": "OnFailure"})
    pod = job_pod("a")
    pod["status"]["containerStatuses"] = [{"name": "c", "restartCount": restarts}]
    assert reason(owner, pod) == expected


def test_a_deadline():
    assert reason(job(activeDeadlineSeconds=3601), job_pod("a")) is None
    assert reason(job(activeDeadlineSeconds=3600), job_pod("a")) == "DeadlineExceeded"
    assert reason(job(activeDeadlineSeconds=1, suspend=True)) is None
    late = NOW + timedelta(seconds=1)
    assert seconds_to_deadline(job(activeDeadlineSeconds=3602), late) == 1


def test_a_policy_can_fail_it_at_once():
    codes = {"operator": "In", "values": [42]}
    policy = {"rules": [{"action": "FailJob", "onExitCodes": codes}]}
    found = outcome(job(podFailurePolicy=policy), job_pod("a", "Failed", codes=(42,)))
    assert found.reason == "PodFailurePolicy"
    assert "exit code 42" in found.message


def indexed(completions=3, **spec):
    return job(completionMode="Indexed", completions=completions, **spec)


def test_failed_indexes():
    owner = indexed(backoffLimitPerIndex=0, backoffLimit=2**31 - 1)
    first = job_pod("a", "Failed", 0)
    assert reason(owner, first) is None
    rest = [job_pod("b", "Succeeded", 1), job_pod("c", "Succeeded", 2)]
    assert reason(owner, first, *rest) == "FailedIndexes"
    owner["spec"]["maxFailedIndexes"] = 0
    assert reason(owner, first) == "MaxFailedIndexesExceeded"


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"succeededIndexes": "1"}, "SuccessPolicy"),
        ({"succeededIndexes": "1,2"}, None),
        ({"succeededIndexes": "1,2", "succeededCount": 1}, "SuccessPolicy"),
        ({"succeededCount": 1}, "SuccessPolicy"),
        ({"succeededCount": 2}, None),
    ],
)
def test_a_success_policy_ends_it_early(rule, expected):
    owner = indexed(successPolicy={"rules": [{"succeededCount": 3}, rule]})
    found = outcome(owner, job_pod("a", "Succeeded", 1), job_pod("b", "Running", 2))
    assert (found.reason if found else None) == expected
    if found:
        assert found.message == "Matched rules at index 1"


def test_what_was_decided_stays_decided():
    owner = job()
    failed = {"type": FAILURE, "status": "True", "reason": "R", "message": "M"}
    owner["status"]["conditions"] = [failed]
    assert outcome(owner, job_pod("a", "Succeeded")) == Outcome(FAILURE, "R", "M")
    assert known_outcome(job()) is None
