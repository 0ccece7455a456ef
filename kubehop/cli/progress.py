"""Steps of a longer work, one line each, as they begin and end."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Self

import click

if TYPE_CHECKING:
    from types import TracebackType


class Steps:
    """Shows the step at work; marks it done when the next begins, failed when the body fails."""

    def __init__(self) -> None:
        self._current: str | None = None
        self._began = 0.0
        self._live = sys.stderr.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._finish("✗" if error else "✓")

    def begin(self, step: str) -> None:
        self._finish("✓")
        self._current, self._began = step, time.monotonic()
        if self._live:
            click.echo(f" • {step} ...", nl=False, err=True)

    def _finish(self, mark: str) -> None:
        if self._current is None:
            return
        took_s = time.monotonic() - self._began
        start = "\r\x1b[K" if self._live else ""
        click.echo(f"{start} {mark} {self._current} ({took_s:.1f} s)", err=True)
        self._current = None
