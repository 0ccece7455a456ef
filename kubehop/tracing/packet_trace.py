"""One traced packet: what was asked, what was sent, what the nodes saw, how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kubehop.tracing.following import follow
from kubehop.tracing.journey import Journey, Sight, journeys

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class PacketTrace:
    """`sending`, `reply` and `lookup` are lines of the program that sent the packet.

    `requests` and `replies` are journeys by time: the first of each is the packet and its answer.
    `warnings` are (node, message). `follow_ups` counts the other packets of the connection.
    """

    trace_id: str
    source: str
    target: str
    protocol: str
    nodes: tuple[str, ...] = ()
    lookup: dict[str, Any] | None = None
    sending: dict[str, Any] | None = None
    reply: dict[str, Any] | None = None
    requests: tuple[Journey, ...] = ()
    replies: tuple[Journey, ...] = ()
    dns: tuple[Journey, ...] = ()
    warnings: tuple[tuple[str, str], ...] = ()
    failure: str = ""
    live: bool = False

    @classmethod
    def of(
        cls, lines: Sequence[dict[str, Any]], source: str, target: str, protocol: str
    ) -> PacketTrace:
        """From the lines of the answer to a trace request."""
        first = {line["type"]: line for line in reversed(lines)}
        sending, lookup = first.get("sending"), first.get("resolved")
        sights = [Sight.of(line) for line in lines if line["type"] == "packet"]
        followed = follow(sights, [sending] if sending else [])
        asked = follow(sights, _questions(lookup, sending))
        armed, result = first.get("armed", {}), first.get("result", {})
        return cls(
            trace_id=armed.get("id", ""),
            source=source,
            target=target,
            protocol=protocol,
            nodes=tuple(armed.get("nodes", ())),
            lookup=lookup,
            sending=sending,
            reply=first.get("reply"),
            requests=tuple(journeys(followed.requests)),
            replies=tuple(journeys(followed.replies)),
            dns=tuple(journeys([*asked.requests, *asked.replies])),
            warnings=_warnings(lines),
            failure=str(result.get("stderr", "")).strip(),
        )

    @property
    def request(self) -> Journey | None:
        """The traced packet; None when no node saw it."""
        return self.requests[0] if self.requests else None

    @property
    def answer(self) -> Journey | None:
        """The first packet that came back."""
        return self.replies[0] if self.replies else None

    @property
    def follow_ups(self) -> int:
        return max(0, len(self.requests) - 1) + max(0, len(self.replies) - 1)

    @property
    def start_ns(self) -> int:
        """When the packet was first seen, in Unix nanoseconds; 0: no node saw it."""
        return unix_ns(self.request.first.time) if self.request else 0

    def parts(self) -> Iterable[tuple[str, Journey]]:
        """The packet and its answer, where there are any."""
        if self.request is not None:
            yield "request", self.request
        if self.answer is not None:
            yield "reply", self.answer


def unix_ns(time: str) -> int:
    """Unix nanoseconds of an RFC 3339 time in UTC with nine digits; 0 for none."""
    if not time:
        return 0
    seconds, _, rest = time.rstrip("Z").partition(".")
    moment = datetime.fromisoformat(seconds).replace(tzinfo=UTC)
    return int(moment.timestamp()) * _NS + int(rest.ljust(9, "0")[:9] or 0)


def _questions(
    lookup: dict[str, Any] | None, sending: dict[str, Any] | None
) -> list[dict[str, Any]]:
    """The flows of the DNS questions. They came from the address that the packet came from."""
    if lookup is None or sending is None:
        return []
    return [
        {
            "protocol": "UDP",
            "source": sending["source"],
            "sourcePort": question["sourcePort"],
            "destination": question["server"],
            "destinationPort": 53,
        }
        for question in lookup["questions"]
    ]


def _warnings(lines: Sequence[dict[str, Any]]) -> tuple[tuple[str, str], ...]:
    return tuple((line["node"], line["message"]) for line in lines if line["type"] == "warning")
