"""CronJobs at work. `@every` makes moments come quickly."""

from tests.unit.controlplane.running import cluster
from tests.unit.controlplane.support import cron_job, job

CRONS, JOBS = "cronjobs.batch", "jobs.batch"


def of_cron(found):
    return [j for j in found if j["metadata"].get("ownerReferences")]


async def finish(made, one, kind="Complete"):
    def end(current):
        current["status"]["conditions"] = [
            {"type": kind, "status": "True", "lastTransitionTime": "2030-01-01T00:00:00Z"}
        ]
        current["status"]["completionTime"] = "2030-01-01T00:00:00Z"

    name = one["metadata"]["name"]
    await made.client.patch(JOBS, name, end, "default", subresource="status")


async def told(made, *wanted):
    def accept(found):
        return set(wanted) <= {e["reason"] for e in found}

    return await made.eventually("events", accept)


async def test_jobs_start_and_are_listed_until_they_end():
    async with cluster() as made:
        await made.create(CRONS, cron_job("@every 1s", concurrencyPolicy="Forbid"))
        (first,) = await made.eventually(JOBS, bool)
        (cron,) = await made.eventually(CRONS, lambda found: found[0]["status"].get("active"))
        assert [a["name"] for a in cron["status"]["active"]] == [first["metadata"]["name"]]
        assert cron["status"]["lastScheduleTime"]
        await told(made, "SuccessfulCreate", "JobAlreadyActive")
        await finish(made, first)
        # @every 1s names its Jobs by the minute: the next one may have the same name.
        events = await told(made, "SawCompletedJob")
        message = next(e["message"] for e in events if e["reason"] == "SawCompletedJob")
        assert message == f"Saw completed job: {first['metadata']['name']}, condition: Complete"
        await made.eventually(
            CRONS,
            lambda found: found[0]["status"].get("lastSuccessfulTime") == "2030-01-01T00:00:00Z",
        )


async def test_a_suspended_one_does_not_start():
    async with cluster() as made:
        await made.create(CRONS, cron_job("@every 1s", suspend=True))
        await made.create(CRONS, cron_job("@every 1s", name="other"))
        started = await made.eventually(JOBS, bool)
        assert {j["metadata"]["ownerReferences"][0]["name"] for j in started} == {"other"}
        await made.client.patch(CRONS, "cron", lambda c: c["spec"].update(suspend=False), "default")
        await made.eventually(
            JOBS,
            lambda found: "cron" in {j["metadata"]["ownerReferences"][0]["name"] for j in found},
        )


async def test_history_is_cut():
    async with cluster() as made:
        cron = await made.create(
            CRONS, cron_job("0 0 1 1 *", successfulJobsHistoryLimit=1, failedJobsHistoryLimit=0)
        )
        owner = {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "name": "cron",
            "uid": cron["metadata"]["uid"],
            "controller": True,
        }
        for name, kind in (("a", "Complete"), ("b", "Complete"), ("c", "Failed")):
            old = job(name, suspend=True)
            old["metadata"]["ownerReferences"] = [owner]
            await finish(made, await made.create(JOBS, old), kind)
        left = await made.eventually(JOBS, lambda found: len(found) == 1)
        assert left[0]["metadata"]["name"] in ("a", "b")
        await told(made, "SuccessfulDelete")


async def test_what_cannot_be_created_is_told():
    async with cluster() as made:
        cron = cron_job("@every 1s")
        cron["spec"]["jobTemplate"]["metadata"] = {"labels": {"a": "not a label value!"}}
        await made.create(CRONS, cron)
        events = await told(made, "FailedCreate")
        failed = next(e for e in events if e["reason"] == "FailedCreate")
        assert failed["message"].startswith("Error creating job: Job.batch")


async def test_a_deleted_cron_job_takes_its_jobs_along():
    async with cluster() as made:
        await made.create(CRONS, cron_job("@every 1s"))
        await made.eventually(JOBS, bool)
        await made.client.delete(CRONS, "cron", "default", propagation_policy="Background")
        await made.gone(CRONS, "cron")
        await made.eventually(JOBS, lambda found: not found)


async def test_a_running_job_is_replaced():
    async with cluster() as made:
        await made.create(CRONS, cron_job("@every 1s", concurrencyPolicy="Replace"))
        (first,) = await made.eventually(JOBS, bool)
        await made.eventually(
            JOBS,
            lambda found: found and found[0]["metadata"]["uid"] != first["metadata"]["uid"],
        )
