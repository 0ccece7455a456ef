"""Probes without I/O: what to ask, when, and what the answers mean."""

from dataclasses import dataclass
from enum import Enum
from typing import Self

from nodeagent.pods.interfaces import Manifest


class ProbeKind(Enum):
    """The word of each kind in events; the order is the kubelet's."""

    STARTUP = "Startup"
    LIVENESS = "Liveness"
    READINESS = "Readiness"


@dataclass(frozen=True)
class ProbeTiming:
    """The numbers of a probe with Kubernetes' defaults. Times in seconds."""

    initial_delay_s: int = 0
    period_s: int = 10
    timeout_s: int = 1
    success_threshold: int = 1
    failure_threshold: int = 3

    @classmethod
    def from_manifest(cls, probe: Manifest) -> Self:
        return cls(
            probe.get("initialDelaySeconds") or 0,
            probe.get("periodSeconds") or 10,
            probe.get("timeoutSeconds") or 1,
            probe.get("successThreshold") or 1,
            probe.get("failureThreshold") or 3,
        )


@dataclass
class ProbeState:
    """Counts results; `passing` flips when a threshold is reached.

    None: not known yet. Readiness and startup count as failed until then, liveness as passed.
    """

    timing: ProbeTiming
    passing: bool | None = None
    _last: bool | None = None
    _run: int = 0

    def record(self, success: bool) -> bool:
        """Note a result. True when it changed `passing`."""
        self._run = self._run + 1 if success == self._last else 1
        self._last = success
        timing = self.timing
        threshold = timing.success_threshold if success else timing.failure_threshold
        if self._run < threshold or self.passing == success:
            return False
        self.passing = success
        return True


@dataclass(frozen=True)
class ProbeResult:
    """`message` is what the Unhealthy event says."""

    success: bool
    message: str = ""


def named_port(container: Manifest, port: int | str) -> int:
    """A port number, or that of the container's port of this name. Raises ValueError."""
    if isinstance(port, int):
        return port
    if port.isdigit():
        return int(port)
    for declared in container.get("ports") or ():
        if declared.get("name") == port:
            return int(declared["containerPort"])
    raise ValueError(f'couldn\'t find port: "{port}" in container {container["name"]}')
