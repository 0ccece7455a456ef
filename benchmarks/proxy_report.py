"""The figures of the proxy modes as tables and JSON. Pure."""

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MEASURES = {
    "first-packet": "µs to decide the first packet of a flow",
    "rules": "rules that this packet visits",
    "sync-all": "ms to take in all Services",
    "sync-one": "µs to take in one changed endpoint",
}


@dataclass(frozen=True, slots=True)
class Point:
    """What was measured with so many Services; at least two values."""

    services: int
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def quartiles(self) -> tuple[float, float]:
        """Half of the values lie between them."""
        lower, _, upper = statistics.quantiles(self.values, n=4, method="inclusive")
        return lower, upper


@dataclass(frozen=True, slots=True)
class Figure:
    """One measure: the points of each mode, in the order of their number of Services."""

    name: str
    points: Mapping[str, Sequence[Point]]

    @property
    def unit(self) -> str:
        return MEASURES[self.name]

    def ratio(self, mode: str, at: int) -> float:
        """The mode's median divided by that of the mode that has the least there."""
        least = min(points[at].median for points in self.points.values())
        return self.points[mode][at].median / least


def tables(figures: Iterable[Figure]) -> str:
    """For people: of each measure, a row for each mode and a column for each size."""
    return "\n\n".join("\n".join(_table(figure)) for figure in figures)


def _table(figure: Figure) -> Iterator[str]:
    sizes = [point.services for point in next(iter(figure.points.values()))]
    lines = [("", *(f"{size:,}" for size in sizes), f"x least at {sizes[-1]:,}")]
    for mode, points in figure.points.items():
        ratio = f"{figure.ratio(mode, -1):.3g}"
        lines.append((mode, *(_cell(point) for point in points), ratio))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    yield f"{figure.name}: {figure.unit}, by number of Services; median (quartiles)"
    for name, *cells in lines:
        aligned = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
        yield "  ".join((name.ljust(widths[0]), *aligned)).rstrip()


def _cell(point: Point) -> str:
    lower, upper = point.quartiles
    if lower == upper:
        return _short(point.median)
    return f"{_short(point.median)} ({_short(lower)}-{_short(upper)})"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def as_json(figures: Iterable[Figure]) -> list[dict[str, Any]]:
    """For programs: one entry for each measure, mode and size."""
    return [
        {
            "name": figure.name,
            "unit": figure.unit,
            "mode": mode,
            "services": point.services,
            "median": float(f"{point.median:.4g}"),
            "quartiles": [float(f"{value:.4g}") for value in point.quartiles],
            "ratio": float(f"{figure.ratio(mode, at):.4g}"),
        }
        for figure in figures
        for mode, points in figure.points.items()
        for at, point in enumerate(points)
    ]
