"""What policies would do that are not there yet: connections judged with and without them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kubehop.observing.flow import EVENT_TYPES
from kubehop.policy.connections import Judge, denial
from netcore.flow.build import policy_names
from netcore.flow.document import policy_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubehop.policy.connections import Connection
    from kubehop.policy.world import World
    from netcore.policy.judgement import Judgement

MAX_SEEN = 65_536
"""So many connections are remembered, to tell each one once."""


@dataclass(frozen=True, slots=True)
class Change:
    """A connection that would fare otherwise. `denied_by` None: it would be allowed."""

    connection: Connection
    denied_by: Judgement | None

    def audited(self) -> dict[str, Any]:
        """The line that was recorded as a policy verdict AUDIT, for what would be dropped."""
        judgement = self.denied_by
        if judgement is None:
            raise ValueError("it would not be dropped")
        about = judgement.direction.value
        flow = {
            key: value
            for key, value in self.connection.line["flow"].items()
            if key not in ("trace_observation_point", "ethernet")
        }
        flow |= {
            "verdict": "AUDIT",
            "event_type": {"type": EVENT_TYPES["policy-verdict"]},
            "traffic_direction": about.upper(),
            f"{about.lower()}_denied_by": [
                policy_document(each) for each in policy_names(judgement.by)
            ],
        }
        return {**self.connection.line, "flow": flow}


@dataclass(slots=True)
class Stage:
    """Judges connections by the world as it is and as it would be."""

    before: Judge
    after: Judge
    judged: int = 0
    unknown: int = 0
    dropped: Counter[tuple[str, str]] = field(default_factory=Counter)
    allowed: Counter[str] = field(default_factory=Counter)
    _seen: dict[tuple[object, ...], None] = field(default_factory=dict)

    @classmethod
    def of(cls, world: World, staged: World) -> Stage:
        """`staged` is the world with the policies."""
        return cls(Judge(world), Judge(staged))

    def renew(self, world: World, staged: World) -> None:
        """Go on with the world as it is by now."""
        self.before, self.after = Judge(world), Judge(staged)

    def look(self, connection: Connection) -> Change | None:
        """What would be otherwise; None for what would not, or is known already."""
        key = (connection.node, connection.flow, connection.forwarded)
        if key in self._seen:
            return None
        if len(self._seen) >= MAX_SEEN:
            del self._seen[next(iter(self._seen))]
        self._seen[key] = None
        if not self.before.knows(connection):
            self.unknown += 1
            return None
        self.judged += 1
        now, then = self.before.judgements(connection), self.after.judgements(connection)
        denied = denial(then)
        if connection.forwarded and denied is not None and denial(now) is None:
            self.dropped[connection.ends, _reason(denied)] += 1
            return Change(connection, denied)
        if connection.forwarded or denied is not None or denial(now) is None:
            return None
        if denial(self.after.sender(connection)) is None:
            self.allowed[connection.ends] += 1
            return Change(connection, None)
        return None

    def summary(self) -> Iterator[str]:
        """For people."""
        yield f"{self.judged} connections judged"
        if self.unknown:
            yield f"{self.unknown} not judged: their pods are gone, or new"
        yield f"{self.dropped.total()} would be dropped"
        for (ends, reason), count in sorted(self.dropped.items()):
            yield f"  {ends}: {_times(count)}, {reason}"
        if self.allowed:
            yield f"{self.allowed.total()} that were dropped would be allowed"
            for ends, count in sorted(self.allowed.items()):
                yield f"  {ends}: {_times(count)}"

    def to_json(self) -> dict[str, Any]:
        """The summary for programs."""
        return {
            "judged": self.judged,
            "unknown": self.unknown,
            "wouldBeDropped": [
                {"connection": ends, "reason": reason, "count": count}
                for (ends, reason), count in sorted(self.dropped.items())
            ],
            "wouldBeAllowed": [
                {"connection": ends, "count": count} for ends, count in sorted(self.allowed.items())
            ],
        }


def _reason(judgement: Judgement) -> str:
    by = ", ".join(map(str, judgement.by))
    about = f"{judgement.direction.value} of {'/'.join(judgement.pod)}"
    return f"{about} denied by {by}" if judgement.is_explicit else f"{about} isolated by {by}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
