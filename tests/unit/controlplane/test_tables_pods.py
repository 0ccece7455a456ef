from datetime import UTC, datetime

import pytest

from controlplane.api.tables.pods import POD

NOW = datetime(2030, 1, 1, 1, 0, 0, tzinfo=UTC)
READY = {"type": "Ready", "status": "True"}


def cells(status, *, containers=1, init=(), metadata=None, **spec):
    pod = {
        "metadata": {"name": "p", "creationTimestamp": "2030-01-01T00:00:00Z", **(metadata or {})},
        "spec": {
            "containers": [{"name": f"c{i}"} for i in range(containers)],
            "initContainers": list(init),
            **spec,
        },
        "status": status,
    }
    found = POD.cells(pod, NOW)
    return dict(zip((column.name for column in POD.columns), found, strict=True))


def container(state, *, ready=False, restarts=0, ended=None, name="c0", **more):
    last = {"terminated": {"finishedAt": ended}} if ended else {}
    return {
        "name": name,
        "ready": ready,
        "restartCount": restarts,
        "state": state,
        "lastState": last,
        **more,
    }


RUNNING = {"running": {}}


def test_running():
    shown = cells(
        {
            "phase": "Running",
            "podIPs": [{"ip": "10.244.1.2"}],
            "containerStatuses": [
                container(RUNNING, ready=True, restarts=3, ended="2030-01-01T00:58:00Z"),
                container(RUNNING),
            ],
        },
        containers=2,
        nodeName="worker",
    )
    assert shown == {
        "Name": "p",
        "Ready": "1/2",
        "Status": "Running",
        "Restarts": "3 (2m ago)",
        "Age": "60m",
        "IP": "10.244.1.2",
        "Node": "worker",
        "Nominated Node": "<none>",
        "Readiness Gates": "<none>",
    }


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ({"waiting": {"reason": "CrashLoopBackOff"}}, "CrashLoopBackOff"),
        ({"waiting": {"reason": "ErrImagePull"}}, "ErrImagePull"),
        ({"waiting": {"reason": "ContainerCreating"}}, "ContainerCreating"),
        ({"terminated": {"reason": "Error", "exitCode": 1}}, "Error"),
        ({"terminated": {"exitCode": 3}}, "ExitCode:3"),
        ({"terminated": {"exitCode": 137, "signal": 9}}, "Signal:9"),
        ({"terminated": {"reason": "Completed", "exitCode": 0}}, "Completed"),
    ],
)
def test_reasons_of_containers(state, shown):
    found = cells({"phase": "Running", "containerStatuses": [container(state)]})
    assert (found["Status"], found["Ready"], found["Restarts"]) == (shown, "0/1", "0")


@pytest.mark.parametrize(("conditions", "shown"), [([READY], "Running"), ([], "NotReady")])
def test_one_container_completed_and_one_running(conditions, shown):
    status = {
        "phase": "Running",
        "conditions": conditions,
        "containerStatuses": [
            container({"terminated": {"reason": "Completed", "exitCode": 0}}),
            container(RUNNING, ready=True),
        ],
    }
    assert cells(status, containers=2)["Status"] == shown


INIT = ({"name": "i0"}, {"name": "i1"})
DONE = container({"terminated": {"exitCode": 0}}, name="i0")


@pytest.mark.parametrize(
    ("statuses", "shown"),
    [
        ([container(RUNNING, name="i0")], "Init:0/2"),
        ([DONE, container({"waiting": {"reason": "PodInitializing"}}, name="i1")], "Init:1/2"),
        (
            [container({"waiting": {"reason": "CrashLoopBackOff"}}, name="i0")],
            "Init:CrashLoopBackOff",
        ),
        ([container({"terminated": {"exitCode": 2}}, name="i0")], "Init:ExitCode:2"),
        ([container({"terminated": {"exitCode": 2, "reason": "Error"}}, name="i0")], "Init:Error"),
    ],
)
def test_init_containers(statuses, shown):
    status = {"phase": "Pending", "initContainerStatuses": statuses}
    assert cells(status, init=INIT)["Status"] == shown


def test_a_sidecar_counts_as_a_container():
    sidecar = container(RUNNING, ready=True, name="s", started=True)
    status = {
        "phase": "Running",
        "initContainerStatuses": [sidecar],
        "containerStatuses": [container(RUNNING, ready=True)],
    }
    shown = cells(status, init=[{"name": "s", "restartPolicy": "Always"}])
    assert (shown["Ready"], shown["Status"]) == ("2/2", "Running")


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        ({"phase": "Running"}, "Terminating"),
        ({"phase": "Succeeded"}, "Succeeded"),
        ({"phase": "Running", "reason": "NodeLost"}, "Unknown"),
    ],
)
def test_deletion(status, shown):
    metadata = {"deletionTimestamp": "2030-01-01T00:00:00Z"}
    assert cells(status, metadata=metadata)["Status"] == shown


def test_reasons_of_the_pod_and_gates():
    assert cells({"phase": "Failed", "reason": "Evicted"})["Status"] == "Evicted"
    gated = {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}
    assert cells({"phase": "Pending", "conditions": [gated]})["Status"] == "SchedulingGated"
    gates = [{"conditionType": "Ready"}, {"conditionType": "x"}]
    shown = cells({"conditions": [READY]}, readinessGates=gates)
    assert shown["Readiness Gates"] == "1/2"


def test_row_conditions_of_ended_pods():
    [condition] = POD.conditions({"status": {"phase": "Succeeded"}})
    assert (condition["type"], condition["reason"]) == ("Completed", "Succeeded")
    assert POD.conditions({"status": {"phase": "Running"}}) == []
