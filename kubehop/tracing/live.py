"""An existing flow out of what passes: the first connection from FROM to TO."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kubehop.tracing.journey import Sight

if TYPE_CHECKING:
    from kubehop.tracing.journey import Flow

_STOPPED = ("Drop", "Reject")


@dataclass(frozen=True, slots=True)
class LiveFilter:
    """Which packets are meant. No `sources`: a client outside, of an address not in `known`.

    `port` 0 and `protocol` "" are any.
    """

    sources: frozenset[str]
    destinations: frozenset[str]
    port: int = 0
    protocol: str = ""
    dropped_only: bool = False
    known: frozenset[str] = frozenset()

    def flow_of(self, line: dict[str, Any]) -> Flow | None:
        """The flow of a packet's line when the packet is meant."""
        if line["type"] != "packet":
            return None
        sight = Sight.of(line)
        flow = sight.arrived
        if flow is None or (self.dropped_only and sight.verdict not in _STOPPED):
            return None
        return flow if self._is_meant(flow, sight) else None

    def _is_meant(self, flow: Flow, sight: Sight) -> bool:
        if self.sources:
            comes = flow["source"] in self.sources
        else:
            comes = sight.ingress == "host" and flow["source"] not in self.known
        goes = flow["destination"] in self.destinations
        protocol = flow["protocol"].upper().removesuffix("V6")
        return (
            comes
            and goes
            and self.port in (0, flow["destinationPort"])
            and self.protocol in ("", protocol)
        )
