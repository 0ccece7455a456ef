"""One pod's trouble stays its own. No process is started: the runtime refuses or breaks."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from nodeagent.pods.interfaces import PodKey
from nodeagent.pods.kubelet import Kubelet
from nodeagent.pods.runtime import Process, StartError
from nodeagent.workloads.spec import ContainerSpec, ExecSpec, SandboxSpec
from tests.support.pods import FakePodNetwork, RecordingReporter, node_facts, pod_manifest


class BrokenRuntime:
    """Fails as nobody expects for a pod with the hostname `poison`, politely for others."""

    async def start_sandbox(self, spec: SandboxSpec) -> Process:
        if spec.hostname == "poison":
            raise KeyError("name")
        raise StartError("no sandboxes here")

    async def start_container(self, spec: ContainerSpec, stdio: Sequence[int]) -> Process:
        raise StartError("no containers here")

    async def start_exec(self, spec: ExecSpec, stdio: Sequence[int]) -> Process:
        raise StartError("no execs here")

    def kill(self, process: Process, number: int, *, group: bool = False) -> None: ...


class Node:
    """A kubelet whose pods all fail."""

    def __init__(self, state_dir: Path) -> None:
        self.reporter = RecordingReporter()
        facts = node_facts(state_dir)
        self.kubelet = Kubelet(FakePodNetwork(), self.reporter, facts, BrokenRuntime())

    def sync(self, *pods: dict[str, Any]) -> None:
        named = {PodKey("default", pod["metadata"]["name"]): pod for pod in pods}
        self.kubelet.sync(named, {}, {})


def deleted(pod: dict[str, Any]) -> dict[str, Any]:
    about = {**pod["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}
    return {**pod, "metadata": about}


async def test_a_pod_that_breaks_its_worker_leaves_the_others_alone(tmp_path: Path) -> None:
    node = Node(tmp_path)
    poison, other = pod_manifest("poison"), pod_manifest("other")
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(node.kubelet.run())
        node.sync(poison, other)
        await node.reporter.until(lambda: "FailedSync" in node.reporter.reasons("poison"))
        await node.reporter.until(
            lambda: "FailedCreatePodSandBox" in node.reporter.reasons("other")
        )
        assert not running.done()
        assert node.reporter.removed == set()
        node.sync(deleted(poison), other)
        await node.reporter.until(lambda: node.reporter.removed == {"poison"})
        await node.kubelet.shutdown(0.0)


async def test_a_cancelled_kubelet_does_not_say_that_its_pods_are_removed(tmp_path: Path) -> None:
    node = Node(tmp_path)
    running = asyncio.ensure_future(node.kubelet.run())
    node.sync(pod_manifest("web"))
    await node.reporter.until(lambda: "FailedCreatePodSandBox" in node.reporter.reasons("web"))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert node.reporter.removed == set()


async def test_a_pod_with_names_of_full_length_has_a_directory(tmp_path: Path) -> None:
    node = Node(tmp_path)
    pod = pod_manifest("a" * 253, uid="u", hostname="h")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(node.kubelet.run())
        node.sync(pod)
        await node.reporter.until(lambda: node.reporter.events)
        await node.kubelet.shutdown(0.0)
    assert node.reporter.events[0][3].endswith("no sandboxes here")


async def test_a_pod_whose_host_port_is_taken_fails_for_good(tmp_path: Path) -> None:
    node = Node(tmp_path)
    ports = [{"name": "main", "image": "i", "ports": [{"containerPort": 80, "hostPort": 8080}]}]
    first, second = (pod_manifest(name, containers=ports) for name in ("first", "second"))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(node.kubelet.run())
        node.sync(first)
        await node.reporter.until(
            lambda: "FailedCreatePodSandBox" in node.reporter.reasons("first")
        )
        node.sync(first, second)
        await node.reporter.until(lambda: node.reporter.reasons("second") == ["NodePorts"])
        assert node.reporter.statuses["second"]["phase"] == "Failed"
        node.sync(deleted(first), deleted(second))
        await node.reporter.until(lambda: node.reporter.removed == {"first", "second"})
        assert node.reporter.statuses["second"]["reason"] == "NodePorts"
        third = pod_manifest("third", containers=ports)
        node.sync(third)
        await node.reporter.until(
            lambda: "FailedCreatePodSandBox" in node.reporter.reasons("third")
        )
        await node.kubelet.shutdown(0.0)


async def test_a_deleted_pod_whose_object_stays_is_ended_once(tmp_path: Path) -> None:
    node = Node(tmp_path)
    held, other = deleted(pod_manifest("held")), pod_manifest("other")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(node.kubelet.run())
        node.sync(held)
        await node.reporter.until(lambda: node.reporter.removed == {"held"})
        assert node.reporter.statuses["held"]["phase"] == "Failed"
        node.reporter.removed.clear()
        node.sync(held, other)
        await node.reporter.until(
            lambda: "FailedCreatePodSandBox" in node.reporter.reasons("other")
        )
        assert node.reporter.removed == set()
        node.sync(other)
        node.sync(held, other)
        await node.kubelet.shutdown(0.0)
