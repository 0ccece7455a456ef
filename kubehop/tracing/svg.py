"""A picture as SVG: one lane a node, boxes top down, in the colours of a light or dark page."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    from kubehop.tracing.picture import Picture, Step

_LANE, _GAP, _MARGIN = 360, 40, 20
_LINE, _PAD, _SPACE = 16, 8, 14
_TITLE_CHARS, _LINE_CHARS = 46, 54
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_STYLE = """
svg{background:#ffffff}
text{font:12px system-ui,'DejaVu Sans',sans-serif;fill:#1b2733}
.name,.head{font-weight:600}.head{font-size:14px}
.line,.over{fill:#5b6b7a;font-size:11px}
.lane{fill:#f2f5f8}
.hop{fill:#ffffff;stroke:#9fb1c1}
.place{fill:#e3effb;stroke:#9fb1c1}
.drop{fill:#fdeceb;stroke:#b3261e;stroke-width:2}
.bad{fill:#b3261e}
.way{stroke:#5b6b7a;fill:none;stroke-width:1.5}
.tip{fill:#5b6b7a}
@media (prefers-color-scheme:dark){
svg{background:#0f161d}
text{fill:#e6edf3}
.line,.over{fill:#9db0c2}
.lane{fill:#16202a}
.hop{fill:#1d2935;stroke:#4a6075}
.place{fill:#1c3550;stroke:#4a6075}
.drop{fill:#3a1c1c;stroke:#ff8a80}
.bad{fill:#ff8a80}
.way{stroke:#9db0c2}
.tip{fill:#9db0c2}
}
"""


def svg(found: Picture) -> str:
    """A whole SVG document. Whatever the names contain, it is well-formed."""
    drawing = _Drawing(len(found.lanes))
    drawing.heading(found.title, "head")
    drawing.open_lanes(found.lanes)
    for step in found.steps:
        drawing.step(step)
    return drawing.finish(found)


def xml_text(text: str) -> str:
    """The text without the characters that XML 1.0 cannot hold (section 2.2)."""
    return _NOT_XML.sub("\ufffd", text).replace("\n", " ").replace("\r", " ").replace("\t", " ")


@dataclass(slots=True)
class _Drawing:
    lanes: int
    y: int = _MARGIN
    lanes_at: int = 0
    previous: tuple[int, int] | None = None
    shapes: list[ElementTree.Element] = field(default_factory=list)

    @property
    def width(self) -> int:
        return 2 * _MARGIN + self.lanes * _LANE + (self.lanes - 1) * _GAP

    def heading(self, text: str, kind: str) -> None:
        """Lines over the whole width."""
        for line in _wrapped(text, max(40, self.width * 2 // 19)):
            self.y += _LINE + 2
            self._text(_MARGIN + _PAD, self.y, line, kind)
        self.y += _PAD

    def open_lanes(self, names: tuple[str, ...]) -> None:
        self.lanes_at = self.y
        self.y += _LINE + _PAD
        for number, name in enumerate(names):
            for line in _wrapped(name, _TITLE_CHARS)[:1]:
                self._text(_left(number) + _PAD, self.y, line, "name")
        self.y += _SPACE

    def step(self, step: Step) -> None:
        if step.kind == "title":
            self.previous = None
            self.heading(step.title, "name")
            return
        titles = _wrapped(step.title, _TITLE_CHARS)
        lines = [part for line in step.lines for part in _wrapped(line, _LINE_CHARS)]
        height = _LINE * (len(titles) + len(lines)) + _PAD
        if step.over:
            self.y += _LINE
        self._arrow(step)
        left, width = _left(step.lane) + _PAD, _LANE - 2 * _PAD
        self._shape("rect", x=left, y=self.y, width=width, height=height, rx=5, **{
            "class": step.kind
        })  # fmt: skip
        at = self.y
        for number, line in enumerate((*titles, *lines)):
            at += _LINE
            kind = "name" if number < len(titles) else "line"
            is_reason = step.kind == "drop" and number <= len(titles)
            self._text(left + _PAD, at - 2, line, f"{kind} bad" if is_reason else kind)
        self.previous = (step.lane, self.y + height)
        self.y += height + _SPACE

    def finish(self, found: Picture) -> str:
        bottom = self.y
        self.heading(found.outcome, "head bad" if found.is_bad else "head")
        height = self.y + _MARGIN
        root = ElementTree.Element(
            "svg",
            {
                "xmlns": "http://www.w3.org/2000/svg",
                "viewBox": f"0 0 {self.width} {height}",
                "width": str(self.width),
                "height": str(height),
                "role": "img",
            },
        )
        ElementTree.SubElement(root, "title").text = xml_text(found.title)
        ElementTree.SubElement(root, "style").text = _STYLE
        for number in range(self.lanes):
            lane = {"class": "lane", "x": _left(number), "y": self.lanes_at, "width": _LANE}
            values = {**lane, "height": bottom - self.lanes_at, "rx": 8}
            ElementTree.SubElement(root, "rect", {key: str(value) for key, value in values.items()})
        root.extend(self.shapes)
        return ElementTree.tostring(root, encoding="unicode") + "\n"

    def _arrow(self, step: Step) -> None:
        if self.previous is None:
            return
        lane, bottom = self.previous
        start, end = _left(lane) + _LANE // 2, _left(step.lane) + _LANE // 2
        middle = bottom + (self.y - bottom) // 2
        path = f"M{start} {bottom}V{middle}H{end}V{self.y - 4}"
        self._shape("path", d=path, **{"class": "way"})
        tip = f"M{end - 4} {self.y - 6}h8l-4 6z"
        self._shape("path", d=tip, **{"class": "tip"})
        if step.over:
            left = min(start, end) + _PAD
            self._text(left, middle - 4, xml_text(step.over), "over")

    def _text(self, x: int, y: int, text: str, kind: str) -> None:
        self._shape("text", x=x, y=y, **{"class": kind}).text = text

    def _shape(self, tag: str, **values: int | str) -> ElementTree.Element:
        shape = ElementTree.Element(tag, {key: str(value) for key, value in values.items()})
        self.shapes.append(shape)
        return shape


def _left(lane: int) -> int:
    return _MARGIN + lane * (_LANE + _GAP)


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(xml_text(text), width, break_on_hyphens=False) or [""]
