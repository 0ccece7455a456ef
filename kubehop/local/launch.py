"""What the command hands to the supervisor it starts, and what comes back."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kubehop.local.paths import ClusterPaths
from kubehop.local.spec import ClusterSpec

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

ADOPTED = b"adopted\n"
"""The command's last word: the cluster is complete and lives on without it."""


@dataclass(frozen=True, slots=True)
class LaunchOrder:
    """The supervisor's only argument, as JSON. Descriptors are inherited."""

    spec: ClusterSpec
    directory: Path
    lifeline: int
    """A stream socket: events go out, ADOPTED comes in; its end before that ends the cluster."""
    lock: int
    """The cluster's lock, held until the cluster is adopted or cleaned away."""

    @property
    def paths(self) -> ClusterPaths:
        return ClusterPaths(self.directory)

    def encode(self) -> str:
        order = {
            "spec": self.spec.to_json(),
            "directory": str(self.directory),
            "lifeline": self.lifeline,
            "lock": self.lock,
        }
        return json.dumps(order)

    @classmethod
    def decode(cls, text: str) -> LaunchOrder:
        data = json.loads(text)
        spec = ClusterSpec.from_json(data["spec"])
        return cls(spec, Path(data["directory"]), data["lifeline"], data["lock"])


@dataclass(frozen=True, slots=True)
class LaunchEvent:
    """`pid` (value: the supervisor's, as seen outside), `running`, `error` (text), `cleaned`."""

    kind: str
    value: Any = None

    def send(self, lifeline: int) -> bool:
        """Whether the command still listens."""
        line = json.dumps([self.kind, self.value]).encode() + b"\n"
        try:
            os.write(lifeline, line)
        except OSError:
            return False
        return True


def receive_events(lifeline: socket.socket) -> Iterator[LaunchEvent]:
    """The supervisor's events until its end."""
    with lifeline.makefile("rb") as stream:
        for line in stream:
            kind, value = json.loads(line)
            yield LaunchEvent(kind, value)
