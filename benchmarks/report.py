"""Figures of all rounds as rows, a table and JSON. Pure."""

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.goals import Measure

KERNEL, KUBEHOP = "kernel", "kubehop"
_HEAD = ("row", "kernel", "kubehop", "ratio", "goal", "", "unit")


class Samples:
    """Every figure that was measured, by row and by way."""

    def __init__(self) -> None:
        self._values: dict[str, dict[str, list[float]]] = {}

    def add(self, way: str, figures: Mapping[str, float]) -> None:
        for name, value in figures.items():
            self._values.setdefault(name, {}).setdefault(way, []).append(value)

    def of(self, name: str, way: str) -> list[float]:
        return self._values.get(name, {}).get(way, [])


@dataclass(frozen=True, slots=True)
class Row:
    """Medians of the rounds. The ratio is kubehop's figure divided by the kernel's."""

    name: str
    unit: str
    kernel: float | None = None
    kubehop: float | None = None
    goal: float | None = None
    at_most: bool = False
    rounds: Mapping[str, Sequence[float]] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        if not self.kernel or self.kubehop is None:
            return None
        return self.kubehop / self.kernel

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None: there is no goal, or no figure."""
        value = self.kubehop if self.kernel is None else self.ratio
        return None if value is None else self._measure().met(value)

    @property
    def goal_text(self) -> str:
        if self.goal is None:
            return ""
        times = "" if self.kernel is None else " x"
        return f"{'<=' if self.at_most else '>='} {self.goal:g}{times}"

    def _measure(self) -> Measure:
        return Measure(self.unit, self.goal, self.at_most)

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kernel": _short(self.kernel),
            "kubehop": _short(self.kubehop),
            "ratio": _short(self.ratio),
            "unit": self.unit,
            "goal": self.goal,
            "goal_text": self.goal_text or None,
            "met": self.met,
            "rounds": {way: [_short(x) for x in found] for way, found in self.rounds.items()},
        }


def rows_of(samples: Samples, measures: Mapping[str, Measure]) -> Iterator[Row]:
    """A row for each of the measures, with figures or without."""
    for name, measure in measures.items():
        rounds = {way: samples.of(name, way) for way in (KERNEL, KUBEHOP)}
        medians = {way: statistics.median(x) if x else None for way, x in rounds.items()}
        yield Row(
            name,
            measure.unit,
            medians[KERNEL],
            medians[KUBEHOP],
            measure.goal,
            measure.at_most,
            rounds,
        )


def table(rows: Iterable[Row]) -> str:
    """For people: aligned columns, one row per line."""
    lines = [_HEAD, *map(_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = []
    for line in lines:
        name, *figures, unit = line
        aligned = (cell.rjust(width) for cell, width in zip(figures, widths[1:-1], strict=True))
        text.append("  ".join((name.ljust(widths[0]), *aligned, unit)).rstrip())
    return "\n".join(text)


def _cells(row: Row) -> tuple[str, ...]:
    word = {True: "met", False: "missed", None: ""}[row.met]
    ratio = "" if row.ratio is None else f"{row.ratio:.3g}"
    return (
        row.name,
        _figure(row.kernel),
        _figure(row.kubehop),
        ratio,
        row.goal_text,
        word,
        row.unit,
    )


def _figure(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")
