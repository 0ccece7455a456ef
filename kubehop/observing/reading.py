"""Where flows come from: the cluster, or a file of what was observed before."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netcore.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kubehop.observing.filters import Filters

FLOWS_PATH = "/apis/kubehop.dev/v1alpha1/flows"
_MAX_LINE = 1 << 20


@dataclass(frozen=True, slots=True)
class Selection:
    """How many of the flows, and from when. 0: no bound."""

    last: int = 0
    first: int = 0
    since_ns: int = 0
    until_ns: int = 0
    follow: bool = False
    payloads: bool = False

    def parameters(self, *, filtered: bool) -> dict[str, str]:
        """Of a request; what is filtered here must all be asked for."""
        asked: dict[str, str] = {}
        if self.last and (self.follow or not filtered):
            asked["last"] = str(self.last)
        if self.since_ns:
            asked["sinceUnixNs"] = str(self.since_ns)
        if self.until_ns:
            asked["untilUnixNs"] = str(self.until_ns)
        if self.follow:
            asked["follow"] = "true"
            if not (self.last or self.since_ns or self.first):
                asked["onlyNew"] = "true"
        if self.payloads:
            asked["payloads"] = "true"
        return asked


def select(
    lines: Iterable[dict[str, Any]], filters: Filters, selection: Selection
) -> Iterator[dict[str, Any]]:
    """The wanted lines, the last or first so many flows of them. What is no flow is kept.

    `last` needs the end of `lines`: with `follow` it is the server who counts, before filters.
    """
    kept: deque[dict[str, Any]] = deque(maxlen=selection.last or None)
    waits = selection.last and not selection.follow
    told = 0
    for line in lines:
        if "flow" not in line:
            yield line
        elif filters.show(line["flow"]):
            if waits:
                kept.append(line)
                continue
            yield line
            told += 1
            if told == selection.first:
                return
    yield from kept


def within(
    lines: Iterable[dict[str, Any]], since_time: str, until_time: str
) -> Iterator[dict[str, Any]]:
    """Lines between two times in RFC 3339 UTC with nanoseconds; empty: no bound."""
    for line in lines:
        time = str(line.get("time", ""))
        if (not since_time or time >= since_time) and (not until_time or time <= until_time):
            yield line


def parse_lines(lines: Iterable[str], name: str) -> Iterator[dict[str, Any]]:
    """What `-o json` wrote; also flows alone, as older ones did. Raises ConfigError with the line.

    Empty lines are passed over.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line) if len(line) <= _MAX_LINE else None
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise ConfigError(f"{name}, line {number}: not a flow as `-o json` writes it")
        if not {"flow", "lost_events", "node_status"} & found.keys() and "verdict" in found:
            node, time = found.get("node_name", ""), found.get("time", "")
            found = {"flow": found, "node_name": node, "time": time}
        if "flow" in found and not isinstance(found["flow"], dict):
            raise ConfigError(f"{name}, line {number}: its flow is not an object")
        yield found
