"""The engine's side of captures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from netcore.pipeline.verdict import Verdict
    from nodeagent.datapath.userspace.engine import Port
    from nodeagent.datapath.userspace.flowcache import Output


class Recorder(Protocol):
    """Sees the frames themselves, where they come in and where they go out."""

    def packet(self, port: Port, buffer: memoryview) -> AbstractContextManager[None]:
        """A frame came in; what is sent and decided within belongs to it."""
        ...

    def refused(self, port: Port, buffer: memoryview, verdict: Verdict) -> None:
        """A frame came in that could not be read."""
        ...

    def sent(self, output: Output, buffer: memoryview) -> None:
        """A frame was taken by a device or by the tunnel."""
        ...
