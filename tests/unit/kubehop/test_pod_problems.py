import pytest

from kubehop.kubernetes.pod_problems import first_problem, last_warning, pod_problem


def pod(name="p", **status):
    return {"metadata": {"name": name, "namespace": "ns"}, "status": status}


def container(**state):
    return pod(containerStatuses=[{"name": "c", "ready": False, **state}])


READY = {"conditions": [{"type": "Ready", "status": "True"}]}


def event(name, message, when, kind="Warning"):
    return {
        "metadata": {"creationTimestamp": "2020-01-01T00:00:00Z"},
        "involvedObject": {"name": name},
        "type": kind,
        "message": message,
        "lastTimestamp": when,
    }


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (pod(), "it is Pending and not ready: oh"),
        (
            pod(
                conditions=[{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]
            ),
            "Unschedulable: ",
        ),
        (
            container(state={"waiting": {"reason": "ErrImagePull", "message": "no image"}}),
            "container c waits: ErrImagePull: no image",
        ),
        (
            container(
                state={"waiting": {"reason": "CrashLoopBackOff"}},
                lastState={"terminated": {"exitCode": 3}},
            ),
            "container c waits: CrashLoopBackOff; it ended with exit code 3",
        ),
        (
            container(state={"terminated": {"exitCode": 9}}),
            "container c has ended with exit code 9",
        ),
        (container(state={"running": {}}), "container c runs and is not ready: oh"),
        (
            pod(
                phase="Running",
                containerStatuses=[{"name": "c", "ready": True, "state": {"running": {}}}],
            ),
            "it is Running and not ready: oh",
        ),
        (
            pod(
                initContainerStatuses=[{"name": "i", "state": {"waiting": {"reason": "X"}}}],
                containerStatuses=[{"name": "c", "state": {"waiting": {"reason": "Y"}}}],
            ),
            "container i waits: X",
        ),
    ],
)
def test_a_pod_says_why(found, problem):
    assert pod_problem(found, "oh") == problem


def test_without_a_warning_there_is_the_state_alone():
    assert pod_problem(pod(), "") == "it is Pending and not ready"


class FakeApi:
    def get(self, path):
        assert path == "/api/v1/namespaces/ns/events"
        return {"items": [event("bad", "it hurts", "2026-01-01T00:00:00Z")]}


def test_the_first_pod_that_is_not_ready_speaks():
    done = pod("done", phase="Succeeded")

    problem = first_problem(FakeApi(), [pod("good", **READY), done, pod("bad"), pod("worse")])

    assert problem == "pod bad: it is Pending and not ready: it hurts"
    assert first_problem(FakeApi(), [pod("good", **READY), done]) == ""


def test_the_last_warning_is_the_pods_own_and_the_youngest():
    events = [
        event("p", "old", "2026-01-01T00:00:01Z"),
        event("p", "young", "2026-01-01T00:00:03Z"),
        event("p", "middle", "2026-01-01T00:00:02Z"),
        event("p", "normal", "2026-01-01T00:00:09Z", kind="Normal"),
        event("q", "other", "2026-01-01T00:00:09Z"),
    ]

    assert last_warning(events, "p") == "young"
    assert last_warning(events, "nobody") == ""
