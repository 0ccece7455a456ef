"""Every pod of a Job is counted once."""

from controlplane.controllers.job_tracking import Tally, settled
from tests.unit.controlplane.objects import job, job_pod


def indexed(**spec):
    return job(completionMode="Indexed", completions=5, **spec)


def test_pods_count_from_the_moment_they_end():
    pods = [job_pod("a", "Succeeded"), job_pod("b", "Failed"), job_pod("c")]
    tally = Tally(job(), pods)
    assert (tally.succeeded, tally.failed) == (1, 1)
    assert tally.noted() == {"succeeded": ["uid-a"], "failed": ["uid-b"]}


def test_what_is_noted_or_counted_already_does_not_count_again():
    owner = job()
    owner["status"] |= {
        "succeeded": 2,
        "failed": 1,
        "uncountedTerminatedPods": {"succeeded": ["uid-a"], "failed": ["uid-gone"]},
    }
    pods = [job_pod("a", "Succeeded"), job_pod("b", "Succeeded", tracked=False)]
    tally = Tally(owner, pods)
    assert (tally.succeeded, tally.failed) == (3, 2)
    assert tally.noted() == {"succeeded": ["uid-a"], "failed": ["uid-gone"]}


def test_ignored_failures_are_let_go_uncounted():
    codes = {"operator": "In", "values": [42]}
    policy = {"rules": [{"action": "Ignore", "onExitCodes": codes}]}
    tally = Tally(job(podFailurePolicy=policy), [job_pod("a", "Failed", codes=(42,))])
    assert tally.failed == 0
    assert len(tally.ended) == 1
    assert tally.noted() == {}


def test_an_index_succeeds_once():
    owner = indexed()
    owner["status"]["completedIndexes"] = "0-2"
    pods = [job_pod("a", "Succeeded", 2), job_pod("b", "Succeeded", 4), job_pod("c", "Running", 3)]
    tally = Tally(owner, [*pods, job_pod("d", "Succeeded", 9), job_pod("e", "Succeeded")])
    assert tally.completed == {0, 1, 2, 4}
    assert tally.succeeded == 4
    assert tally.noted() == {}


def test_an_index_fails_beyond_its_own_limit():
    key = "batch.kubernetes.io/job-index-failure-count"
    pods = [
        job_pod("a", "Failed", 0, annotations={key: "1"}),
        job_pod("b", "Failed", 1, annotations={key: "0"}),
    ]
    tally = Tally(indexed(backoffLimitPerIndex=1), pods)
    assert tally.failed_indexes == {0}
    assert tally.failed == 2
    assert Tally(indexed(), pods).failed_indexes == set()


def test_an_index_can_be_failed_by_policy():
    codes = {"operator": "In", "values": [42]}
    policy = {"rules": [{"action": "FailIndex", "onExitCodes": codes}]}
    owner = indexed(backoffLimitPerIndex=9, podFailurePolicy=policy)
    tally = Tally(owner, [job_pod("a", "Failed", 3, codes=(42,))])
    assert tally.failed_indexes == {3}


def test_pods_that_have_let_go_move_into_the_counters():
    status = {
        "failed": 1,
        "uncountedTerminatedPods": {"succeeded": ["a", "b"], "failed": ["c"]},
    }
    assert settled(status, {"b"}) == {
        "succeeded": 1,
        "failed": 2,
        "uncountedTerminatedPods": {"succeeded": ["b"]},
    }
    assert settled({}, set()) == {"uncountedTerminatedPods": {}}
