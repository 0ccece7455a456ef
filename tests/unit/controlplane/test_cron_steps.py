"""Which Jobs a CronJob starts and forgets."""

from datetime import timedelta

import pytest

from controlplane.api.strategies.cron_schedule import parse_schedule
from controlplane.controllers.cron_steps import (
    Due,
    activity,
    due,
    had_their_time,
    new_job,
    reference_to,
)
from tests.unit.controlplane.objects import NOW, cron_job, job


def at(**ago):
    return NOW - timedelta(**ago)


@pytest.mark.parametrize(
    ("last", "deadline", "expected"),
    [
        ("2030-01-01T11:40:00Z", None, Due(at(minutes=5))),
        ("2030-01-01T11:55:00Z", None, Due()),
        ("2030-01-01T11:40:00Z", 240, Due()),
        ("2030-01-01T11:40:00Z", 360, Due(at(minutes=5))),
        ("2029-01-01T11:55:00Z", 360, Due(at(minutes=5))),
        ("2030-01-01T03:25:00Z", None, Due(at(minutes=5), missed=102)),
    ],
)
def test_the_latest_missed_moment_is_made_up_for(last, deadline, expected):
    cron = cron_job("*/5 * * * *", startingDeadlineSeconds=deadline)
    cron["status"]["lastScheduleTime"] = last
    schedule = parse_schedule("*/5 * * * *")
    assert due(cron, schedule, NOW - timedelta(seconds=1)) == expected


def test_a_new_one_starts_from_its_creation():
    cron = cron_job("0 * * * *")
    cron["metadata"]["creationTimestamp"] = "2030-01-01T11:30:00Z"
    assert due(cron, parse_schedule("0 * * * *"), NOW) == Due(NOW)
    cron["metadata"]["creationTimestamp"] = "2030-01-01T12:00:00Z"
    assert due(cron, parse_schedule("0 * * * *"), NOW) == Due()


def test_a_job_is_named_by_its_moment():
    cron = cron_job("0 * * * *", timeZone="Europe/Berlin")
    cron["spec"]["jobTemplate"]["metadata"] = {"labels": {"a": "b"}, "annotations": {"c": "d"}}
    made = new_job(cron, NOW)
    minutes = int(NOW.timestamp()) // 60
    assert made["metadata"]["name"] == f"cron-{minutes}"
    assert made["metadata"]["labels"] == {"a": "b"}
    assert made["metadata"]["annotations"] == {
        "c": "d",
        "batch.kubernetes.io/cronjob-scheduled-timestamp": "2030-01-01T13:00:00+01:00",
    }
    assert made["metadata"]["ownerReferences"][0]["kind"] == "CronJob"
    cron["spec"].pop("timeZone")
    annotations = new_job(cron, NOW)["metadata"]["annotations"]
    assert annotations["batch.kubernetes.io/cronjob-scheduled-timestamp"] == "2030-01-01T12:00:00Z"


def ended(name, kind, hour=11):
    made = job(name)
    made["status"] = {
        "startTime": f"2030-01-01T{hour}:00:00Z",
        "completionTime": f"2030-01-01T{hour}:30:00Z",
        "conditions": [{"type": kind, "status": "True"}],
    }
    return made


def test_history_has_limits_of_each_kind():
    jobs = [ended(f"good-{n}", "Complete", 10 + n) for n in (3, 1, 2)]
    jobs += [ended(f"bad-{n}", "Failed", 10 + n) for n in (1, 2)]
    cron = cron_job("* * * * *", successfulJobsHistoryLimit=1, failedJobsHistoryLimit=0)
    names = [each["metadata"]["name"] for each in had_their_time(cron, [*jobs, job("runs")])]
    assert names == ["good-1", "good-2", "bad-1", "bad-2"]


def test_what_became_of_the_jobs():
    runs, done, stray = job("runs"), ended("done", "Complete"), job("stray")
    cron = cron_job("* * * * *")
    gone = reference_to(job("gone"))
    cron["status"]["active"] = [reference_to(runs), reference_to(done), gone]
    seen = activity(cron, [runs, done, stray, ended("old", "Complete", 10)])
    assert seen.active == (reference_to(runs),)
    assert seen.finished == (done,)
    assert seen.unexpected == (stray,)
    assert seen.missing == ("gone",)
    assert seen.last_success == "2030-01-01T11:30:00Z"
