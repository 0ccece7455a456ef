"""Jobs at work, with agents that are real gRPC clients."""

from controlplane.controllers.job_pods import TRACKING_FINALIZER
from tests.unit.controlplane.running import cluster
from tests.unit.controlplane.support import job

JOBS = "jobs.batch"


def has(kind):
    def accept(found):
        conditions = found[0].get("status", {}).get("conditions", []) if found else []
        return kind in {c["type"] for c in conditions if c["status"] == "True"}

    return accept


def running_pods(count):
    def accept(found):
        running = [p for p in found if p.get("status", {}).get("phase") == "Running"]
        return len(running) == count

    return accept


async def end(made, agent, phase="Succeeded", code=0):
    """All running pods end that way."""
    ended = {"exitCode": code, "finishedAt": "2020-01-01T00:00:00Z"}
    for pod in await made.items("pods"):
        if pod["status"].get("phase") == "Running":
            statuses = [{"name": "c", "state": {"terminated": ended}}]
            await agent.report(pod, {"phase": phase, "containerStatuses": statuses})


async def reasons(made, *wanted):
    def accept(found):
        return set(wanted) <= {e["reason"] for e in found}

    return await made.eventually("events", accept)


async def test_a_job_runs_to_completion_and_counts_once():
    async with cluster() as made:
        agent = await made.agent()
        await made.create(JOBS, job(completions=3, parallelism=2))
        pods = await made.eventually("pods", running_pods(2))
        assert all(TRACKING_FINALIZER in p["metadata"]["finalizers"] for p in pods)
        await end(made, agent)
        await made.eventually("pods", running_pods(1))
        await end(made, agent)
        (done,) = await made.eventually(JOBS, has("Complete"))
        status = done["status"]
        assert status["succeeded"] == 3
        assert status["uncountedTerminatedPods"] == {}
        assert status["completionTime"] >= status["startTime"]
        assert [c["type"] for c in status["conditions"]] == ["SuccessCriteriaMet", "Complete"]
        pods = await made.items("pods")
        assert len(pods) == 3
        assert not any(p["metadata"].get("finalizers") for p in pods)
        await reasons(made, "SuccessfulCreate", "Completed")


async def test_too_many_failures():
    async with cluster() as made:
        agent = await made.agent()
        await made.create(JOBS, job(backoffLimit=0))
        await made.eventually("pods", running_pods(1))
        await end(made, agent, "Failed", 1)
        (failed,) = await made.eventually(JOBS, has("Failed"))
        assert failed["status"]["failed"] == 1
        assert [(c["type"], c["reason"]) for c in failed["status"]["conditions"]] == [
            ("FailureTarget", "BackoffLimitExceeded"),
            ("Failed", "BackoffLimitExceeded"),
        ]
        events = await reasons(made, "BackoffLimitExceeded")
        told = next(e for e in events if e["reason"] == "BackoffLimitExceeded")
        assert told["message"] == "Job has reached the specified backoff limit"
        assert told["type"] == "Warning"


async def test_a_deadline_ends_what_runs():
    async with cluster() as made:
        await made.agent()
        await made.create(JOBS, job(activeDeadlineSeconds=1))
        (failed,) = await made.eventually(JOBS, has("Failed"))
        assert failed["status"]["conditions"][-1]["reason"] == "DeadlineExceeded"
        await made.eventually("pods", lambda found: not found)
        await reasons(made, "DeadlineExceeded", "SuccessfulDelete")


async def test_suspending_and_resuming():
    async with cluster() as made:
        agent = await made.agent()
        await made.create(JOBS, job())
        await made.eventually("pods", running_pods(1))
        await made.client.patch(JOBS, "job", lambda j: j["spec"].update(suspend=True), "default")
        await made.eventually("pods", lambda found: not found)
        (suspended,) = await made.eventually(JOBS, has("Suspended"))
        assert "startTime" not in suspended["status"]
        assert not suspended["status"].get("failed")
        await made.client.patch(JOBS, "job", lambda j: j["spec"].update(suspend=False), "default")
        await made.eventually("pods", running_pods(1))
        await end(made, agent)
        await made.eventually(JOBS, has("Complete"))
        await reasons(made, "Suspended", "Resumed")


async def test_every_index_has_its_pod():
    async with cluster() as made:
        agent = await made.agent()
        await made.create(JOBS, job(completions=2, parallelism=2, completionMode="Indexed"))
        pods = await made.eventually("pods", running_pods(2))
        assert sorted(p["spec"]["hostname"] for p in pods) == ["job-0", "job-1"]
        await end(made, agent)
        (done,) = await made.eventually(JOBS, has("Complete"))
        assert done["status"]["completedIndexes"] == "0,1"


async def test_a_deleted_pod_is_counted_and_replaced_when_it_has_failed():
    async with cluster() as made:
        await made.agent()
        await made.create(JOBS, job(backoffLimit=1, podReplacementPolicy="Failed"))
        (pod,) = await made.eventually("pods", running_pods(1))
        agent = made.agents[0]
        agent.runs_pods = False
        name = pod["metadata"]["name"]
        await made.client.delete("pods", name, "default")
        await made.eventually(JOBS, lambda found: found[0]["status"].get("terminating") == 1)
        agent.runs_pods = True
        failed = {"exitCode": 137, "finishedAt": "2020-01-01T00:00:00Z"}
        statuses = [{"name": "c", "state": {"terminated": failed}}]
        last = {"phase": "Failed", "containerStatuses": statuses}
        await agent.report(pod, last, removed=True)
        await made.gone("pods", name)
        await made.eventually(JOBS, lambda found: found[0]["status"].get("failed") == 1)
        await made.eventually("pods", running_pods(1))


async def test_pods_of_a_job_that_is_gone_are_let_go():
    async with cluster() as made:
        await made.agent()
        await made.create(JOBS, job())
        await made.eventually("pods", running_pods(1))
        await made.client.delete(JOBS, "job", "default", propagation_policy="Background")
        await made.gone(JOBS, "job")
        await made.eventually("pods", lambda found: not found)


async def test_the_api_orphans_pods_and_their_count_no_longer_matters():
    async with cluster() as made:
        await made.agent()
        await made.create(JOBS, job())
        await made.eventually("pods", running_pods(1))
        await made.client.delete(JOBS, "job", "default")
        await made.gone(JOBS, "job")
        (pod,) = await made.eventually(
            "pods",
            lambda found: (
                not found[0]["metadata"].get("finalizers")
                and not found[0]["metadata"].get("ownerReferences")
            ),
        )
        assert pod["status"]["phase"] == "Running"


async def test_a_foreground_deletion_takes_the_pods_first():
    async with cluster() as made:
        await made.agent()
        await made.create(JOBS, job())
        await made.eventually("pods", running_pods(1))
        await made.client.delete(JOBS, "job", "default", propagation_policy="Foreground")
        await made.gone(JOBS, "job")
        assert await made.items("pods") == []


async def test_a_job_of_another_manager_is_left_alone():
    async with cluster() as made:
        await made.create(JOBS, job("theirs", managedBy="example.org/kueue"))
        await made.create(JOBS, job())
        await made.eventually("pods", bool)
        assert not (await made.get(JOBS, "theirs"))["status"]
        assert len(await made.items("pods")) == 1


async def test_a_finished_job_goes_when_its_time_has_come():
    async with cluster() as made:
        agent = await made.agent()
        await made.create(JOBS, job(ttlSecondsAfterFinished=1))
        await made.eventually("pods", running_pods(1))
        await end(made, agent)
        await made.eventually(JOBS, has("Complete"))
        await made.gone(JOBS, "job")
        await made.eventually("pods", lambda found: not found)
