from datetime import UTC, datetime

import pytest

from controlplane.api.tables import workloads

NOW = datetime(2030, 1, 1, 1, 0, 0, tzinfo=UTC)
META = {"name": "x", "creationTimestamp": "2030-01-01T00:59:00Z"}
TEMPLATE = {"spec": {"containers": [{"name": "a", "image": "i"}, {"name": "b", "image": "j"}]}}
SELECTOR = {"matchLabels": {"app": "x"}}


def cells(printer, spec, status=None, **metadata):
    obj = {"metadata": {**META, **metadata}, "spec": spec, "status": status or {}}
    return printer.cells(obj, NOW)


def test_deployment():
    spec = {"replicas": 3, "selector": SELECTOR, "template": TEMPLATE}
    status = {"readyReplicas": 1, "updatedReplicas": 2, "availableReplicas": 1}
    shown = cells(workloads.DEPLOYMENT, spec, status)
    assert shown == ["x", "1/3", 2, 1, "60s", "a,b", "i,j", "app=x"]


def test_replica_set_and_controller():
    spec = {"replicas": 3, "selector": SELECTOR, "template": TEMPLATE}
    status = {"replicas": 2, "readyReplicas": 1}
    assert cells(workloads.REPLICA_SET, spec, status) == [
        "x", 3, 2, 1, "60s", "a,b", "i,j", "app=x",
    ]  # fmt: skip
    spec["selector"] = {"app": "y"}
    assert cells(workloads.REPLICATION_CONTROLLER, spec, status)[-1] == "app=y"


def test_stateful_and_daemon_set():
    spec = {"replicas": 2, "template": TEMPLATE}
    assert cells(workloads.STATEFUL_SET, spec) == ["x", "0/2", "60s", "a,b", "i,j"]
    status = {"desiredNumberScheduled": 3, "numberReady": 1}
    assert cells(workloads.DAEMON_SET, {"template": TEMPLATE, "selector": SELECTOR}, status) == [
        "x", 3, 0, 1, 0, 0, "<none>", "60s", "a,b", "i,j", "app=x",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "status", "metadata", "shown"),
    [
        ({"completions": 1}, {}, {}, ["Running", "0/1", ""]),
        ({"parallelism": 2}, {"succeeded": 1}, {}, ["Running", "1/1 of 2", ""]),
        ({}, {"startTime": "2030-01-01T00:59:50Z"}, {}, ["Running", "0/1", "10s"]),
        (
            {"completions": 1},
            {
                "startTime": "2030-01-01T00:00:00Z",
                "completionTime": "2030-01-01T00:00:05Z",
                "succeeded": 1,
                "conditions": [{"type": "Complete", "status": "True"}],
            },
            {},
            ["Complete", "1/1", "5s"],
        ),
        ({}, {}, {"deletionTimestamp": "2030-01-01T00:00:00Z"}, ["Terminating", "0/1", ""]),
        (
            {},
            {"conditions": [{"type": "Suspended", "status": "True"}]},
            {},
            ["Suspended", "0/1", ""],
        ),
    ],
)
def test_job(spec, status, metadata, shown):
    assert cells(workloads.JOB, spec, status, **metadata)[1:4] == shown


def test_cron_job():
    spec = {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": TEMPLATE}}}
    status = {"active": [{}], "lastScheduleTime": "2030-01-01T00:59:30Z"}
    assert cells(workloads.CRON_JOB, spec, status) == [
        "x", "* * * * *", "<none>", "False", 1, "30s", "60s", "a,b", "i,j", "<none>",
    ]  # fmt: skip
