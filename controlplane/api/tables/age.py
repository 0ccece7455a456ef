"""Time spans as kubectl shows them.

Source: k8s.io/apimachinery pkg/util/duration (HumanDuration).
"""

from __future__ import annotations

from datetime import UTC, datetime

UNKNOWN = "<unknown>"


def human_duration(seconds: float) -> str:
    """At most two units and about three digits, e.g. `5m10s`, `3h`, `2d4h`."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    if whole < 0:
        return "0s"
    if whole < 120:
        return f"{whole}s"
    minutes, hours = whole // 60, whole // 3600
    if minutes < 10:
        return _two(minutes, "m", whole % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    days, years = hours // 24, hours // 24 // 365
    if days < 8:
        return _two(days, "d", hours % 24, "h")
    if years < 2:
        return f"{days}d"
    return _two(years, "y", days % 365, "d") if years < 8 else f"{years}y"


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}{small}{small_unit}" if small else f"{large}{large_unit}"


def parse_time(text: object) -> datetime | None:
    """A metav1.Time or MicroTime, None when it is absent or malformed."""
    if not isinstance(text, str) or not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def since(text: object, now: datetime) -> str:
    """How long ago that was, `<unknown>` for no time."""
    then = parse_time(text)
    return UNKNOWN if then is None else human_duration((now - then).total_seconds())
