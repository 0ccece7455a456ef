"""A picture as a mermaid sequence diagram."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubehop.tracing.picture import Picture, Step

_PLAIN = re.compile(r"[^A-Za-z0-9 .,_/()\[\]+=:>-]")
_KEYWORD = re.compile(r"\b(e)(nd)\b", re.IGNORECASE)


def mermaid(found: Picture) -> str:
    """The diagram's text. Whatever the names contain, it stays the same diagram."""
    return "\n".join(_lines(found)) + "\n"


def escape(text: str) -> str:
    """Text that mermaid takes as text: other characters are entity codes (#NUMBER;)."""
    coded = _PLAIN.sub(lambda match: f"#{ord(match[0])};", text)
    # A bare "end" closes a block, wherever it stands.
    return _KEYWORD.sub(lambda match: f"#{ord(match[1])};{match[2]}", coded)


def _lines(found: Picture) -> Iterator[str]:
    yield "sequenceDiagram"
    for number, lane in enumerate(found.lanes):
        yield f"    participant L{number} as {escape(lane)}"
    last = len(found.lanes) - 1
    yield f"    Note over {_span(last)}: {escape(found.title)}"
    previous = 0
    for step in found.steps:
        if step.kind == "title":
            yield f"    Note over {_span(last)}: {escape(step.title)}"
            continue
        if step.over and previous != step.lane:
            yield f"    L{previous}->>L{step.lane}: {escape(step.over)}"
        yield f"    {_step(step)}"
        previous = step.lane
    yield f"    Note over {_span(last)}: {escape(found.outcome)}"


def _span(last: int) -> str:
    return "L0" if not last else f"L0,L{last}"


def _step(step: Step) -> str:
    text = "<br/>".join(escape(line) for line in (step.title, *step.lines))
    if step.kind == "drop":
        return f"L{step.lane}-xL{step.lane}: {text}"
    return f"Note over L{step.lane}: {text}"
