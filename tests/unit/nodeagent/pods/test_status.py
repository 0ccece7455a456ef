import pytest

from nodeagent.pods.status import (
    ContainerRecord,
    ContainerRole,
    SandboxFacts,
    last_phase,
    pod_phase,
    pod_status,
)
from tests.support.pods import node_facts, pod_manifest

RUN = {"running": {"startedAt": "t"}}
OK = {"terminated": {"exitCode": 0}}
BAD = {"terminated": {"exitCode": 1}}
WAIT = {"waiting": {"reason": "x"}}


def record(state, role=ContainerRole.APP, last=None, name="c", **more):
    return ContainerRecord(name, "image", role, state, last or {}, **more)


@pytest.mark.parametrize(
    ("states", "policy", "phase"),
    [
        ([WAIT], "Always", "Pending"),
        ([RUN, WAIT], "Always", "Pending"),
        ([RUN, OK], "Never", "Running"),
        ([OK, OK], "Always", "Running"),
        ([OK, OK], "Never", "Succeeded"),
        ([OK, BAD], "Never", "Failed"),
        ([OK, BAD], "OnFailure", "Running"),
        ([OK, OK], "OnFailure", "Succeeded"),
    ],
)
def test_phase_of_containers(states, policy, phase):
    assert pod_phase([record(state) for state in states], policy) == phase


def test_back_off_is_running():
    assert pod_phase([record(WAIT, last=BAD)], "Always") == "Running"


@pytest.mark.parametrize(
    ("init", "policy", "phase"),
    [
        (WAIT, "Never", "Pending"),
        (BAD, "Never", "Failed"),
        (BAD, "Always", "Pending"),
        (OK, "Always", "Running"),
    ],
)
def test_phase_with_an_init_container(init, policy, phase):
    app = record(RUN if init is OK else WAIT)
    assert pod_phase([record(init, ContainerRole.INIT), app], policy) == phase


def test_a_final_phase_waits_for_the_sidecars():
    sidecar = record(RUN, ContainerRole.SIDECAR, started=True)
    assert pod_phase([sidecar, record(OK)], "Never") == "Running"
    sidecar.state = BAD
    assert pod_phase([sidecar, record(OK)], "Never") == "Succeeded"


def status_of(tmp_path, records, pod=None, now="2026-01-01T00:00:00Z"):
    facts = SandboxFacts(True, "start", ("10.0.0.5",))
    return pod_status(pod or pod_manifest(), records, facts, node_facts(tmp_path), now)


def conditions(status):
    return {item["type"]: item for item in status["conditions"]}


def test_ready_pod(tmp_path):
    status = status_of(tmp_path, [record(RUN, ready=True, started=True)])
    assert status["podIPs"] == [{"ip": "10.0.0.5"}]
    assert status["hostIP"] == "172.18.0.11"
    assert [item["type"] for item in status["conditions"]] == [
        "PodReadyToStartContainers",
        "Initialized",
        "Ready",
        "ContainersReady",
        "PodScheduled",
    ]
    assert {item["status"] for item in status["conditions"]} == {"True"}


def test_unready_containers_are_named(tmp_path):
    records = [record(RUN, name="a"), record(RUN, name="b", ready=True)]
    ready = conditions(status_of(tmp_path, records))["Ready"]
    assert ready["status"] == "False"
    assert ready["reason"] == "ContainersNotReady"
    assert ready["message"] == "containers with unready status: [a]"


def test_transition_time_changes_only_with_the_status(tmp_path):
    pod = pod_manifest()
    records = [record(RUN, ready=True)]
    pod["status"] = status_of(tmp_path, records, pod, now="t1")
    records[0].ready = False
    found = conditions(status_of(tmp_path, records, pod, now="t2"))
    assert found["Ready"]["lastTransitionTime"] == "t2"
    assert found["Initialized"]["lastTransitionTime"] == "t1"


def test_conditions_of_others_are_kept_and_gate_readiness(tmp_path):
    pod = pod_manifest(readinessGates=[{"conditionType": "example.org/lb"}])
    records = [record(RUN, ready=True)]
    assert conditions(status_of(tmp_path, records, pod))["Ready"]["reason"] == (
        "ReadinessGatesNotReady"
    )
    pod["status"] = {"conditions": [{"type": "example.org/lb", "status": "True"}], "qosClass": "Q"}
    status = status_of(tmp_path, records, pod)
    assert conditions(status)["Ready"]["status"] == "True"
    assert "example.org/lb" in conditions(status)
    assert status["qosClass"] == "Q"


def test_completed_pod(tmp_path):
    found = conditions(status_of(tmp_path, [record(OK)], pod_manifest(restartPolicy="Never")))
    assert found["Ready"]["reason"] == "PodCompleted"
    assert found["Initialized"]["status"] == "True"


@pytest.mark.parametrize(
    ("states", "phase"), [([OK, OK], "Succeeded"), ([OK, BAD], "Failed"), ([WAIT], "Failed")]
)
def test_the_last_phase_of_a_deleted_pod_goes_by_its_containers(states, phase):
    sidecar = record(BAD, ContainerRole.SIDECAR)
    assert last_phase([sidecar, *map(record, states)]) == phase


@pytest.mark.parametrize(("state", "ready"), [(OK, True), (BAD, False), (RUN, False)])
def test_an_init_container_is_ready_when_it_has_completed(state, ready):
    assert record(state, ContainerRole.INIT).to_status()["ready"] is ready
