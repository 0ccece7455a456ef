"""Pods for tests: manifests, a recording reporter, a network that only hands out names."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from nodeagent.pods.interfaces import Manifest, NodeFacts, PodRef


def pod_manifest(name: str = "web", uid: str = "", **spec: Any) -> dict[str, Any]:
    """A pod as the API server stores it; `spec` fields over those of one agnhost container."""
    containers = [{"name": "main", "image": "registry.k8s.io/agnhost:2.53", "args": ["netexec"]}]
    return {
        "metadata": {"namespace": "default", "name": name, "uid": uid or f"uid-{name}"},
        "spec": {"containers": containers, "terminationGracePeriodSeconds": 2, **spec},
        "status": {},
    }


def container(name: str = "main", **fields: Any) -> dict[str, Any]:
    return {"name": name, "image": "busybox", **fields}


def node_facts(state_dir: Path) -> NodeFacts:
    resolv_conf = state_dir / "resolv.conf"
    resolv_conf.write_text("nameserver 192.0.2.53\nsearch example.org\n")
    return NodeFacts(
        name="kubehop-worker",
        host_ips=("172.18.0.11",),
        cluster_domain="cluster.local",
        dns_addresses=("10.96.0.10",),
        resolv_conf=resolv_conf,
        state_dir=state_dir,
    )


class FakePodNetwork:
    """Remembers who is attached; makes no interface."""

    def __init__(self) -> None:
        self.attached: dict[str, str] = {}

    async def attach(self, manifest: Manifest, netns_path: str) -> tuple[str, ...]:
        self.attached[manifest["metadata"]["uid"]] = netns_path
        return (f"10.244.1.{len(self.attached) + 1}",)

    async def detach(self, uid: str) -> None:
        self.attached.pop(uid, None)


class RecordingReporter:
    """Keeps the latest status of every pod and all events; wakes those who wait for a change."""

    def __init__(self) -> None:
        self.statuses: dict[str, dict[str, Any]] = {}
        self.removed: set[str] = set()
        self.events: list[tuple[str, str, str, str]] = []
        self._changed = asyncio.Event()

    def status_changed(
        self, namespace: str, name: str, uid: str, status: dict[str, Any], removed: bool
    ) -> None:
        self.statuses[name] = status
        if removed:
            self.removed.add(name)
        self._changed.set()

    def event(self, pod: PodRef, type: str, reason: str, message: str, field_path: str) -> None:
        self.events.append((pod.name, type, reason, message))
        self._changed.set()

    async def until(self, condition: Callable[[], Any], timeout_s: float = 20.0) -> None:
        """Returns when the condition holds; it is looked at after every report."""
        async with asyncio.timeout(timeout_s):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def state(self, name: str, index: int = 0) -> dict[str, Any]:
        statuses = self.statuses.get(name, {}).get("containerStatuses") or ()
        state: dict[str, Any] = statuses[index]["state"] if index < len(statuses) else {}
        return state

    def condition(self, name: str, kind: str) -> str:
        conditions = self.statuses.get(name, {}).get("conditions") or ()
        return next((str(c["status"]) for c in conditions if c["type"] == kind), "")

    def reasons(self, name: str) -> list[str]:
        return [reason for pod, _type, reason, _message in self.events if pod == name]


async def eventually(holds: Callable[[], bool | Awaitable[bool]], timeout_s: float = 10.0) -> None:
    """Returns once the condition, which nobody announces, holds."""
    async with asyncio.timeout(timeout_s):
        while True:
            answer = holds()
            if answer if isinstance(answer, bool) else await answer:
                return
            await asyncio.sleep(0.01)
