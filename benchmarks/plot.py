"""The picture in the README: kubehop's figures as parts of the kernel's, with the goals."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.report import Row

_MET, _OTHER, _GOAL = "#2f6f9f", "#b8602a", "#222222"
_ROW_INCHES = 0.34


def draw(rows: Sequence[Row], caption: str, path: Path) -> bool:
    """Writes an SVG of all rows that have a ratio; whether there are any."""
    more = [row for row in rows if row.ratio is not None and not row.at_most]
    less = [row for row in rows if row.ratio is not None and row.at_most]
    parts = [
        (found, title)
        for found, title in (
            (more, "throughput: kernel = 1, more is better"),
            (less, "latency and CPU: kernel = 1, less is better"),
        )
        if found
    ]
    if not parts:
        return False
    heights = [len(found) + 1.6 for found, _ in parts]
    # The same figures make the same file.
    style = {"svg.hashsalt": "kubehop", "svg.fonttype": "path", "font.size": 9}
    with mpl.rc_context(style):
        figure = Figure(figsize=(8, _ROW_INCHES * (sum(heights) + 1)), layout="constrained")
        axes = figure.subplots(len(parts), 1, height_ratios=heights, squeeze=False)
        for (found, title), (axis,) in zip(parts, axes, strict=True):
            _bars(axis, found, title)
        figure.suptitle(caption, fontsize=8)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": "make bench"})
    return True


def _bars(axis: Axes, rows: Sequence[Row], title: str) -> None:
    ratios = [row.ratio or 0.0 for row in rows]
    colours = [_OTHER if row.met is False else _MET for row in rows]
    bars = axis.barh([row.name for row in rows], ratios, color=colours, height=0.6)
    axis.bar_label(bars, [f"{ratio:.2f}" for ratio in ratios], padding=4)
    for place, row in enumerate(rows):
        if row.goal is not None:
            axis.plot([row.goal, row.goal], [place - 0.42, place + 0.42], color=_GOAL, lw=1.5)
    axis.axvline(1, color=_GOAL, lw=0.8, ls=":")
    axis.set_xlim(0, 1.12 * max(1.0, *ratios, *(row.goal or 0.0 for row in rows)))
    axis.invert_yaxis()
    axis.set_title(f"{title} (line: goal)", loc="left", fontsize=9)
    axis.spines[["top", "right"]].set_visible(False)
