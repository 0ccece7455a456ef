"""What kubelet says of pods that were bound to its node without a scheduler's judgement."""

from typing import Any

import pytest

from nodeagent.pods.admission import in_order, rejection
from tests.support.pods import container, pod_manifest


def pod(name: str, *ports: dict[str, Any], **spec: Any) -> dict[str, Any]:
    ready = [{"containerPort": 80, **port} for port in ports]
    return pod_manifest(name, containers=[container(ports=ready)], **spec)


@pytest.mark.parametrize(
    ("port", "is_free"),
    [
        ({"hostPort": 8080}, False),
        ({"hostPort": 8080, "hostIP": "127.0.0.1"}, False),
        ({"hostPort": 8081}, True),
        ({"hostPort": 8080, "protocol": "UDP"}, True),
        ({}, True),
    ],
)
def test_a_host_port_is_one_pods_alone(port: dict[str, Any], is_free: bool) -> None:
    assert (rejection(pod("b", port), [pod("a", {"hostPort": 8080})]) is None) is is_free


def test_the_words_of_kubelet() -> None:
    port = {"hostPort": 8080}
    rejected = rejection(pod("b", port), [pod("a", port)])
    assert rejected is not None
    why = "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports"
    assert rejected.message == why
    assert rejected.status("2026-01-01T00:00:00Z") == {
        "phase": "Failed",
        "reason": "NodePorts",
        "message": f"Pod was rejected: {why}",
        "startTime": "2026-01-01T00:00:00Z",
    }


def test_who_was_there_first_is_judged_first() -> None:
    old, new, unknown = pod("old"), pod("new"), pod("unknown")
    old["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    new["metadata"]["creationTimestamp"] = "2026-01-01T00:00:01Z"
    assert in_order([new, old, unknown]) == [unknown, old, new]
