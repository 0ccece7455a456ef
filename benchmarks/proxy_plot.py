"""The picture in docs/proxy-modes.md: what each mode costs with more and more Services."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

from benchmarks.proxy_report import Figure

_STYLES = {
    "iptables": ("#b8602a", "o"),
    "ipvs": ("#2f6f9f", "s"),
    "nftables": ("#3a8a4d", "^"),
    "ebpf": ("#7a4f9a", "D"),
}
_OVER_DECADES = ("rules", "sync-all")


def draw(figures: Sequence[Figure], caption: str, path: Path) -> None:
    """Writes an SVG with a part for each figure: medians as lines, quartiles as bands."""
    # The same figures make the same file.
    style = {"svg.hashsalt": "kubehop", "svg.fonttype": "path", "font.size": 9}
    with mpl.rc_context(style):
        picture = Picture(figsize=(8, 6), layout="constrained")
        axes = picture.subplots(2, (len(figures) + 1) // 2, squeeze=False)
        for figure, axis in zip(figures, axes.flat, strict=False):
            _lines(axis, figure)
        axes.flat[0].legend(frameon=False, fontsize=8)
        picture.suptitle(caption, fontsize=8)
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.savefig(path, format="svg", metadata={"Date": None, "Creator": "make bench"})


def _lines(axis: Axes, figure: Figure) -> None:
    sizes = [point.services for point in next(iter(figure.points.values()))]
    for mode, points in figure.points.items():
        colour, marker = _STYLES[mode]
        lower, upper = zip(*(point.quartiles for point in points), strict=True)
        axis.fill_between(sizes, lower, upper, color=colour, alpha=0.2, lw=0)
        medians = [point.median for point in points]
        axis.plot(sizes, medians, color=colour, marker=marker, ms=4, lw=1.2, label=mode)
    axis.set_xscale("log")
    axis.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axis.minorticks_off()
    if figure.name in _OVER_DECADES:
        axis.set_yscale("log")
    else:
        axis.set_ylim(bottom=0)
    axis.set_xlabel("Services")
    axis.set_title(figure.unit, loc="left", fontsize=9)
    axis.spines[["top", "right"]].set_visible(False)
