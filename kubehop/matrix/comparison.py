"""Whether the proxy modes agree, and what differs. Pure."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from enum import Enum
from itertools import zip_longest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re
    from collections.abc import Sequence

    from kubehop.matrix.trial import Finished, Trial

_MASK = "<masked>"
_DIFFED_LINES = 2000
"""difflib takes quadratic time in the worst case; what comes later is told by its first line."""


class Verdict(Enum):
    """What a mode is beside the first one under which the command ran."""

    FIRST = "first"
    SAME = "same"
    DIFFERS = "differs"
    NOT_RUN = "not run"


@dataclass(frozen=True, slots=True)
class Rules:
    """What counts as a difference. Standard error, durations and order of modes never do."""

    only_exit_code: bool = False
    ignore_order: bool = False
    """The lines of standard output are compared as a bag: sorted."""
    masks: tuple[re.Pattern[str], ...] = ()
    """What matches is the same as anything else that matches."""

    def lines(self, finished: Finished) -> list[str]:
        """The standard output as it is compared."""
        text = finished.stdout.text
        for mask in self.masks:
            text = mask.sub(_MASK, text)
        lines = text.splitlines()
        return sorted(lines) if self.ignore_order else lines


@dataclass(frozen=True, slots=True)
class Compared:
    """A mode, what it is beside the first, and how its output differs (unified diff)."""

    trial: Trial
    verdict: Verdict
    diff: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """All modes, in the order in which they were asked for."""

    modes: tuple[Compared, ...]

    @property
    def agree(self) -> bool:
        """Whether the command ran under every mode and ended and wrote the same."""
        return all(mode.verdict in (Verdict.FIRST, Verdict.SAME) for mode in self.modes)

    @property
    def succeeded(self) -> bool:
        """Whether the command's exit code is 0 under every mode."""
        finished = [mode.trial.finished for mode in self.modes]
        return all(found is not None and found.exit_code == 0 for found in finished)


def compare(trials: Sequence[Trial], rules: Rules) -> Comparison:
    """Every mode beside the first one under which the command ran."""
    first = next((trial for trial in trials if trial.finished), None)
    return Comparison(tuple(_beside(first, trial, rules) for trial in trials))


def _beside(first: Trial | None, trial: Trial, rules: Rules) -> Compared:
    if first is None or first.finished is None or trial.finished is None:
        return Compared(trial, Verdict.NOT_RUN)
    if trial is first:
        return Compared(trial, Verdict.FIRST)
    diff = () if rules.only_exit_code else _diff(first, first.finished, trial, rules)
    same_end = trial.finished.exit_code == first.finished.exit_code
    return Compared(trial, Verdict.DIFFERS if diff or not same_end else Verdict.SAME, diff)


def _diff(first: Trial, finished: Finished, trial: Trial, rules: Rules) -> tuple[str, ...]:
    """Empty when the outputs are the same; else there is at least one line."""
    other = trial.finished
    if other is None:
        return ()
    before, after = rules.lines(finished), rules.lines(other)
    if before != after:
        heads = before[:_DIFFED_LINES], after[:_DIFFED_LINES]
        lines = difflib.unified_diff(*heads, first.mode, trial.mode, lineterm="")
        return tuple(lines) or _first_difference(before, after)
    lengths = finished.stdout.length, other.stdout.length
    if (finished.stdout.is_cut or other.stdout.is_cut) and lengths[0] != lengths[1]:
        return (f"{lengths[0]} bytes under {first.mode}, {lengths[1]} bytes under {trial.mode}",)
    return ()


def _first_difference(before: list[str], after: list[str]) -> tuple[str, ...]:
    pairs = zip_longest(before, after)
    at, (left, right) = next((at, pair) for at, pair in enumerate(pairs) if pair[0] != pair[1])
    shown = [f"{mark}{line}" for mark, line in (("-", left), ("+", right)) if line is not None]
    return (f"@@ line {at + 1} is the first that differs @@", *shown)
