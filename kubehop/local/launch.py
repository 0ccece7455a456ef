"""What the command hands to the supervisor it starts, and what comes back."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kubehop.local.paths import ClusterPaths
from kubehop.local.spec import ClusterSpec

if TYPE_CHECKING:
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

    @property
    def paths(self) -> ClusterPaths:
        return ClusterPaths(self.directory)

    def encode(self) -> str:
        order = {
            "spec": self.spec.to_json(),
            "directory": str(self.directory),
            "lifeline": self.lifeline,
        }
        return json.dumps(order)

    @classmethod
    def decode(cls, text: str) -> LaunchOrder:
        data = json.loads(text)
        spec = ClusterSpec.from_json(data["spec"])
        return cls(spec, Path(data["directory"]), data["lifeline"])


@dataclass(frozen=True, slots=True)
class LaunchEvent:
    """What the supervisor tells the command.

    `recorded`: every other command finds the cluster now. `running`: all programs are started.
    `error` (value: the text): it could not be started. `cleaned`: nothing of it is left.
    """

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


class Lifeline:
    """The command's end of the stream to the supervisor. Not for several threads."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket, self._stream = sock, sock.makefile("rb")
        self.seen: set[str] = set()
        """The kinds of all events so far."""
        self.adopted = False

    def events(self) -> Iterator[LaunchEvent]:
        """The supervisor's next events, until its end. Raises OSError after `end`'s patience."""
        for line in self._stream:
            kind, value = json.loads(line)
            self.seen.add(kind)
            yield LaunchEvent(kind, value)

    def adopt(self) -> None:
        """The cluster lives on without this process; its lock is free afterwards."""
        self._socket.sendall(ADOPTED)
        for _ in self.events():
            pass
        self.adopted = True

    def end(self, patience_s: float) -> None:
        """Asks the supervisor to end and waits for it, so long. Raises OSError."""
        self._socket.shutdown(socket.SHUT_WR)
        self._socket.settimeout(patience_s)
        for _ in self.events():
            pass
