"""Which pods a Job starts and ends."""

from controlplane.controllers.job_steps import NewPod, backoff_s, plan
from controlplane.controllers.job_tracking import Tally
from tests.unit.controlplane.objects import NOW, job, job_pod

GONE = {"deletionTimestamp": "2030-01-01T12:00:30Z", "deletionGracePeriodSeconds": 30}


def steps(owner, *pods):
    return plan(Tally(owner, pods), NOW)


def names(pods):
    return [p["metadata"]["name"] for p in pods]


def test_as_many_pods_as_are_wanted():
    owner = job(completions=5, parallelism=3)
    assert steps(owner).create == (NewPod(),) * 3
    assert steps(owner, job_pod("a")).create == (NewPod(),) * 2
    done = [job_pod(str(n), "Succeeded") for n in range(4)]
    assert steps(owner, *done).create == (NewPod(),)
    assert len(steps(owner, job_pod("a"), job_pod("b"), *done).delete) == 1


def test_a_work_queue_gets_no_more_workers_after_the_first_success():
    queue = job(parallelism=3)
    queue["spec"]["completions"] = None
    assert len(steps(queue, job_pod("a")).create) == 2
    after = steps(queue, job_pod("a"), job_pod("b", "Succeeded"))
    assert after.create == after.delete == ()


def test_a_suspended_job_ends_its_pods():
    todo = steps(job(suspend=True), job_pod("a"), job_pod("b", "Succeeded"))
    assert names(todo.delete) == ["a"]


def test_parallelism_can_shrink():
    owner = job(completions=5, parallelism=1)
    assert names(steps(owner, job_pod("a"), job_pod("b", ready=False)).delete) == ["b"]


def test_a_pod_that_is_deleted_is_replaced_when_the_policy_says():
    deleted = job_pod("a", **GONE)
    eager = job(completions=1)
    assert steps(eager, deleted).again_s == 10
    patient = job(podReplacementPolicy="Failed")
    assert steps(patient, deleted).create == ()
    assert steps(patient, deleted).again_s is None


def test_failures_in_a_row_make_it_wait():
    def failed(name, at):
        return job_pod(name, "Failed", ended=f"2030-01-01T{at}Z", codes=(1,))

    one = failed("a", "11:59:55")
    assert steps(job(), one).again_s == 5
    assert steps(job(), failed("a", "11:59:50")).create == (NewPod(),)
    assert backoff_s(Tally(job(), [one, failed("b", "11:59:58")]), NOW) == 18
    success = job_pod("c", "Succeeded", ended="2030-01-01T11:59:57Z")
    assert backoff_s(Tally(job(), [one, success]), NOW) == 0
    many = [failed(str(n), "11:59:59") for n in range(12)]
    assert backoff_s(Tally(job(), many), NOW) == 599


def test_pods_ended_for_the_jobs_own_sake_are_no_failures():
    assert backoff_s(Tally(job(), [job_pod("a", tracked=False, **GONE)]), NOW) == 0


def indexed(completions=4, parallelism=4, **spec):
    return job(completionMode="Indexed", completions=completions, parallelism=parallelism, **spec)


def test_free_indexes_are_filled_from_the_lowest():
    owner = indexed()
    owner["status"]["completedIndexes"] = "0"
    todo = steps(owner, job_pod("a", index=2))
    assert todo.create == (NewPod(1), NewPod(3))
    owner["spec"]["parallelism"] = 2
    assert steps(owner, job_pod("a", index=2)).create == (NewPod(1),)


def test_twins_and_indexes_that_are_done_are_ended():
    owner = indexed(parallelism=3)
    owner["status"]["completedIndexes"] = "0"
    twin = job_pod("twin", index=1, creationTimestamp="2030-01-01T11:00:00Z")
    pods = [job_pod("a", index=1), twin, job_pod("done", index=0), job_pod("far", index=7)]
    assert sorted(names(steps(owner, *pods).delete)) == ["done", "far", "twin"]


def test_every_index_waits_for_itself_with_a_limit_of_its_own():
    owner = indexed(completions=3, backoffLimitPerIndex=3)
    key = "batch.kubernetes.io/job-index-failure-count"
    failed = job_pod(
        "a", "Failed", 0, ended="2030-01-01T11:59:55Z", codes=(1,), annotations={key: "1"}
    )
    todo = steps(owner, failed)
    assert todo.create == (NewPod(1), NewPod(2))
    assert todo.again_s == 15
    long_ago = job_pod("a", "Failed", 0, ended="2030-01-01T11:00:00Z", codes=(1,))
    assert steps(owner, long_ago).create == (NewPod(0, 1), NewPod(1), NewPod(2))


def test_a_terminating_index_is_taken_when_only_failed_pods_are_replaced():
    owner = indexed(completions=2, podReplacementPolicy="Failed")
    assert steps(owner, job_pod("a", index=0, **GONE)).create == (NewPod(1),)
