"""What a pod's worker shares with the runners of its containers."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nodeagent.pods.clock import Clock
from nodeagent.pods.downward import PodFacts
from nodeagent.pods.interfaces import Manifest, NodeFacts, PodRef, PodReporter
from nodeagent.pods.references import References
from nodeagent.pods.runtime import ContainerRuntime
from nodeagent.pods.sandbox import PodSandbox


@dataclass
class PodContext:
    """The manifest and references are renewed in place; `refreshed` is set then."""

    ref: PodRef
    manifest: Manifest
    references: References
    node: NodeFacts
    runtime: ContainerRuntime
    reporter: PodReporter
    clock: Clock
    sandbox: PodSandbox
    directory: Path
    changed: Callable[[], None]
    volumes: Mapping[str, str] = field(default_factory=dict)
    read_only_volumes: frozenset[str] = frozenset()
    expired: bool = False
    """Its activeDeadlineSeconds are over: nothing of it starts again."""
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    refreshed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def restart_policy(self) -> str:
        return str(self.manifest["spec"].get("restartPolicy") or "Always")

    @property
    def grace_s(self) -> float:
        """How long its containers may take to end."""
        metadata, spec = self.manifest["metadata"], self.manifest["spec"]
        grace = metadata.get("deletionGracePeriodSeconds")
        if grace is None:
            grace = spec.get("terminationGracePeriodSeconds")
        return 30.0 if grace is None else float(grace)

    @property
    def facts(self) -> PodFacts:
        return PodFacts(self.manifest, self.node, self.sandbox.pod_ips)

    def event(self, kind: str, reason: str, message: str, field_path: str = "") -> None:
        self.reporter.event(self.ref, kind, reason, message, field_path)

    async def retry_after(self, seconds: float) -> None:
        """Returns earlier when the pod stops or what it refers to has changed."""
        self.refreshed.clear()
        await self.clock.wait(self.refreshed, seconds)
