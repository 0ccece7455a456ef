"""Schedules of CronJobs: read as robfig/cron reads them, which Kubernetes uses; counted by cronsim.

Every field is expanded into its numbers before cronsim sees it, so that what that library knows
beyond the standard (`L`, `#`, a day 7) is refused in the words of the API.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from netcore.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]


@dataclass(frozen=True, slots=True)
class _Field:
    lowest: int
    highest: int
    names: Mapping[str, int]


_FIELDS = (
    _Field(0, 59, {}),
    _Field(0, 23, {}),
    _Field(1, 31, {}),
    _Field(1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    _Field(0, 6, {name: number for number, name in enumerate(_DAYS)}),
)
_DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:h|m|s|ms|us|ns))+")
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(h|ms|us|ns|m|s)")
_UNIT_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


class Schedule:
    """Moments in time, to the second. Answers are in UTC."""

    def after(self, moment: datetime) -> datetime | None:
        """The first moment later than that, None when there never is one."""
        raise NotImplementedError

    def latest(self, since: datetime, until: datetime) -> datetime | None:
        """The last moment later than `since` and not later than `until`."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class CronSchedule(Schedule):
    """Five fields in a time zone."""

    expression: str
    zone: tzinfo

    def after(self, moment: datetime) -> datetime | None:
        """The first moment later than that."""
        return self._next(moment, reverse=False)

    def latest(self, since: datetime, until: datetime) -> datetime | None:
        """The last moment of the interval."""
        found = self._next(until.replace(microsecond=0) + timedelta(seconds=1), reverse=True)
        return found if found is not None and found > since else None

    def _next(self, moment: datetime, *, reverse: bool) -> datetime | None:
        local = moment.astimezone(self.zone).replace(microsecond=0)
        try:
            return next(CronSim(self.expression, local, reverse)).astimezone(UTC)
        except (CronSimError, StopIteration):  # the 31st of February
            return None


@dataclass(frozen=True, slots=True)
class EverySchedule(Schedule):
    """`@every`: so long after the moment that is asked about."""

    delay_s: int

    def after(self, moment: datetime) -> datetime | None:
        """The moment and the delay."""
        return moment.replace(microsecond=0) + timedelta(seconds=self.delay_s)

    def latest(self, since: datetime, until: datetime) -> datetime | None:
        """The last of those that follow each other from `since` on."""
        count = int((until - since.replace(microsecond=0)).total_seconds()) // self.delay_s
        if count < 1:
            return None
        return since.replace(microsecond=0) + timedelta(seconds=count * self.delay_s)


def parse_zone(name: str | None) -> tzinfo:
    """The time zone, UTC without a name. Raises ConfigError."""
    if name is None:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigError(f"unknown time zone {name}") from error


def parse_schedule(text: str, zone: tzinfo = UTC) -> Schedule:
    """Five fields, or a descriptor such as `@hourly`. Raises ConfigError in robfig/cron's words."""
    if not text:
        raise ConfigError("empty spec string")
    if text.startswith("@every "):
        return EverySchedule(_parse_duration(text.removeprefix("@every ")))
    if text.startswith("@"):
        if text not in _DESCRIPTORS:
            raise ConfigError(f"unrecognized descriptor: {text}")
        text = _DESCRIPTORS[text]
    fields = text.split()
    if len(fields) != 5:
        shown = f"[{' '.join(fields)}]"
        raise ConfigError(f"expected exactly 5 fields, found {len(fields)}: {shown}")
    parts = [_parse_field(part, field) for part, field in zip(fields, _FIELDS, strict=True)]
    return CronSchedule(" ".join(parts), zone)


def _parse_duration(text: str) -> int:
    wanted = text.strip()
    if not _DURATION.fullmatch(wanted):
        raise ConfigError(
            f'failed to parse duration @every {text}: time: invalid duration "{text}"'
        )
    seconds = sum(float(n) * _UNIT_S[unit] for n, unit in _DURATION_PART.findall(wanted))
    return max(int(seconds), 1)


def _parse_field(text: str, field: _Field) -> str:
    """The field as `*` or as a list of its numbers."""
    numbers: set[int] = set()
    for part in filter(None, text.split(",")):
        found = _parse_range(part, field)
        if found is None:
            return "*"
        numbers |= found
    if not numbers:
        raise ConfigError(f"failed to parse int from {text}: it is empty")
    return ",".join(map(str, sorted(numbers)))


def _parse_range(text: str, field: _Field) -> set[int] | None:
    """The numbers of `a`, `a-b`, `*`, each with a `/step`; None for all of them."""
    span, *steps = text.split("/")
    low_and_high = span.split("-")
    if len(steps) > 1:
        raise ConfigError(f"too many slashes: {text}")
    if low_and_high[0] in ("*", "?"):
        start, end = field.lowest, field.highest
    else:
        if len(low_and_high) > 2:
            raise ConfigError(f"too many hyphens: {text}")
        start = _parse_number(low_and_high[0], field)
        end = _parse_number(low_and_high[-1], field)
        if steps and len(low_and_high) == 1:
            end = field.highest
    step = _parse_number(steps[0], _Field(0, 0, {})) if steps else 1
    _check_range(text, start, end, step, field)
    if low_and_high[0] in ("*", "?") and step == 1:
        return None
    return set(range(start, end + 1, step))


def _check_range(text: str, start: int, end: int, step: int, field: _Field) -> None:
    if start < field.lowest:
        raise ConfigError(f"beginning of range ({start}) below minimum ({field.lowest}): {text}")
    if end > field.highest:
        raise ConfigError(f"end of range ({end}) above maximum ({field.highest}): {text}")
    if start > end:
        raise ConfigError(f"beginning of range ({start}) beyond end of range ({end}): {text}")
    if step == 0:
        raise ConfigError(f"step of range should be a positive number: {text}")


def _parse_number(text: str, field: _Field) -> int:
    if text.lower() in field.names:
        return field.names[text.lower()]
    if not (text.isascii() and text.isdecimal()) or len(text) > 9:
        why = f'strconv.Atoi: parsing "{text}": invalid syntax'
        raise ConfigError(f"failed to parse int from {text}: {why}")
    return int(text)
