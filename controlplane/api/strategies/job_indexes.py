"""Completion indexes of Jobs as text, e.g. `1,3-5,7`. Pure.

Source: Kubernetes pkg/controller/job/indexed_job_utils.go, pkg/apis/batch/validation.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from netcore.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable


def parse_indexes(text: str, completions: int) -> set[int]:
    """The indexes below `completions`. Raises ConfigError in the words of the API."""
    if not text:
        return set()
    intervals = [_parse_interval(part, completions) for part in text.split(",")]
    for (_, before), (after, _) in pairwise(intervals):
        if before >= after:
            raise ConfigError(f"non-increasing order, previous: {before}, current: {after}")
    return {index for first, last in intervals for index in range(first, last + 1)}


def _parse_interval(text: str, completions: int) -> tuple[int, int]:
    limits = text.split("-")
    if len(limits) > 2:
        raise ConfigError(
            f'the fragment "{text}" violates the requirement that an index interval can have at '
            "most two parts separated by '-'"
        )
    first, last = _parse_index(limits[0]), _parse_index(limits[-1])
    for index in (first, last):
        if index >= completions:
            raise ConfigError(f'too large index: "{index}"')
    if len(limits) == 2 and first >= last:
        raise ConfigError(f"non-increasing order, previous: {first}, current: {last}")
    return first, last


def _parse_index(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise ConfigError(f'cannot convert string to integer for index: "{text}"')
    return int(text)


def known_indexes(text: str, completions: int) -> set[int]:
    """As `parse_indexes`, for a status: what is malformed or too large is left out."""
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        last = last or first
        if first.isdecimal() and last.isdecimal():
            found.update(range(int(first), min(int(last) + 1, completions)))
    return found


def format_indexes(indexes: Iterable[int]) -> str:
    """Runs of at least three are written as intervals, of two as two numbers."""
    runs: list[list[int]] = []
    for index in sorted(indexes):
        if runs and runs[-1][1] == index - 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    return ",".join(_format_run(first, last) for first, last in runs)


def _format_run(first: int, last: int) -> str:
    if first == last:
        return str(first)
    return f"{first},{last}" if last == first + 1 else f"{first}-{last}"
