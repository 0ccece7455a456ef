"""CronJobs through the real registry."""

import pytest

from controlplane.api.errors import StatusError
from controlplane.api.strategies.registry import strategies
from tests.unit.controlplane.support import cron_job, make_client


async def create(obj):
    client = await make_client(strategies())
    return await client.create("cronjobs.batch", obj)


async def test_defaults():
    made = await create(cron_job())
    spec = made["spec"]
    assert spec["concurrencyPolicy"] == "Allow"
    assert spec["suspend"] is False
    assert spec["successfulJobsHistoryLimit"] == 3
    assert spec["failedJobsHistoryLimit"] == 1
    template = spec["jobTemplate"]["spec"]
    assert template["template"]["spec"]["dnsPolicy"] == "ClusterFirst"
    assert "completions" not in template


def with_template(**spec):
    obj = cron_job()
    obj["spec"]["jobTemplate"]["spec"] |= spec
    return obj


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        (cron_job(""), "spec.schedule: Required value"),
        (
            cron_job("x"),
            'CronJob.batch "cron" is invalid: spec.schedule: Invalid value: "x": expected exactly '
            "5 fields, found 1: [x]",
        ),
        (cron_job("TZ=UTC * * * * *"), "cannot use TZ or CRON_TZ in schedule, use timeZone field"),
        (cron_job(timeZone=""), "timeZone must be nil or non-empty string"),
        (cron_job(timeZone="../x"), "unknown time zone ../x"),
        (cron_job(timeZone="Mars/Olympus"), "unknown time zone Mars/Olympus"),
        (cron_job(timeZone="Local"), "timeZone must be an explicit time zone"),
        (
            cron_job(concurrencyPolicy="Odd"),
            'spec.concurrencyPolicy: Unsupported value: "Odd": supported values: "Allow", '
            '"Forbid", "Replace"',
        ),
        (cron_job(startingDeadlineSeconds=-1), "spec.startingDeadlineSeconds: Invalid value: -1"),
        (cron_job(name="c" * 53), "metadata.name: Invalid value"),
        (with_template(selector={}), "`selector` will be auto-generated"),
        (with_template(manualSelector=True), "spec.jobTemplate.spec.manualSelector: Unsupported"),
        (
            with_template(template={"spec": {"containers": [{"name": "c", "image": "i"}]}}),
            "spec.jobTemplate.spec.template.spec.restartPolicy: Required value",
        ),
    ],
)
async def test_refusals(obj, message):
    with pytest.raises(StatusError) as caught:
        await create(obj)
    assert message in caught.value.message
