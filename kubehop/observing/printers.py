"""The outputs of `kubehop observe`: lines for a flow, for lost events, for a node's failure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from kubehop.observing.flow import DESTINATION, SOURCE, number, part, text, words
from kubehop.observing.words import (
    arrow,
    host,
    identity,
    kind,
    printable,
    stamp,
    verdict,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kubehop.observing.flow import Flow

SEPARATOR = "------------"
_COLUMNS = ("SOURCE", "DESTINATION", "TYPE", "VERDICT", "SUMMARY")
_GAP, _MIN_WIDTH = 3, 2


@dataclass(frozen=True, slots=True)
class Style:
    """What the columns show."""

    node_name: bool = False
    policy_names: bool = True
    translate: bool = True


class Printer(Protocol):
    """Lines without their ends."""

    def flow(self, line: dict[str, Any]) -> Iterator[str]: ...

    def end(self) -> Iterator[str]: ...


class Compact:
    """One line a flow; answers are turned around."""

    def __init__(self, style: Style) -> None:
        self._style = style

    def flow(self, line: dict[str, Any]) -> Iterator[str]:
        flow, style = part(line, "flow"), self._style
        left, pointing, right = arrow(flow)
        node = f" [{text(flow, 'node_name')}]" if style.node_name else ""
        yield printable(
            f"{stamp(text(flow, 'time'))}{node}: "
            f"{host(flow, left, translate=style.translate)} {identity(flow, left)} {pointing} "
            f"{host(flow, right, translate=style.translate)} {identity(flow, right)} "
            f"{kind(flow)} {verdict(flow, policy_names=style.policy_names)} "
            f"({text(flow, 'Summary')})"
        )

    def end(self) -> Iterator[str]:
        return iter(())


class Dictionary:
    """One line a column."""

    def __init__(self, style: Style) -> None:
        self._style = style
        self._told = False

    def flow(self, line: dict[str, Any]) -> Iterator[str]:
        if self._told:
            yield SEPARATOR
        self._told = True
        for name, value in _cells(part(line, "flow"), self._style):
            yield f"{name:>11}: {value}"

    def end(self) -> Iterator[str]:
        return iter(())


class Json:
    """The line as it came: {"flow": ..., "node_name": ..., "time": ...}."""

    def __init__(self, _style: Style) -> None:
        pass

    def flow(self, line: dict[str, Any]) -> Iterator[str]:
        yield as_json(line)

    def end(self) -> Iterator[str]:
        return iter(())


class Table:
    """Columns as wide as the widest of them all: printed at the end."""

    def __init__(self, style: Style) -> None:
        self._style = style
        self._rows: list[tuple[str, ...]] = []

    def flow(self, line: dict[str, Any]) -> Iterator[str]:
        cells = list(_cells(part(line, "flow"), self._style))
        if not self._rows:
            self._rows.append(tuple(name for name, _ in cells))
        self._rows.append(tuple(value for _, value in cells))
        return iter(())

    def end(self) -> Iterator[str]:
        widths = [
            max(_MIN_WIDTH, *map(len, column)) + _GAP for column in zip(*self._rows, strict=True)
        ]
        for row in self._rows:
            padded = [f"{cell:<{width}}" for cell, width in zip(row[:-1], widths, strict=False)]
            yield "".join([*padded, row[-1]])


PRINTERS: dict[str, Callable[[Style], Printer]] = {
    "compact": Compact,
    "dict": Dictionary,
    "json": Json,
    "jsonpb": Json,
    "table": Table,
}
"""By what `--output` names them."""


def as_json(line: dict[str, Any]) -> str:
    return json.dumps(line, separators=(",", ":"), ensure_ascii=False)


def lost_events(line: dict[str, Any]) -> str:
    """What is said, apart from flows, when events of a node were lost."""
    lost = part(line, "lost_events")
    source, count = text(lost, "source"), number(lost, "num_events_lost")
    node = text(line, "node_name")
    return printable(f"EVENTS LOST: {source} {node} {count}")


def node_status(line: dict[str, Any]) -> str:
    """What is said, apart from flows, when a node's cannot be had."""
    status = part(line, "node_status")
    nodes = ", ".join(words(status, "node_names"))
    said = f"{text(status, 'state_change')} {nodes}: {text(status, 'message')}"
    return printable(f"{stamp(text(line, 'time'))}: {said}")


def _cells(flow: Flow, style: Style) -> Iterator[tuple[str, str]]:
    yield "TIMESTAMP", stamp(text(flow, "time"))
    if style.node_name:
        yield "NODE", printable(text(flow, "node_name"))
    values = (
        host(flow, SOURCE, translate=style.translate),
        host(flow, DESTINATION, translate=style.translate),
        kind(flow),
        verdict(flow, policy_names=style.policy_names),
        text(flow, "Summary"),
    )
    yield from zip(_COLUMNS, map(printable, values), strict=True)
