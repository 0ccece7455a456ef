"""Times as `--since` and `--until` take them: a while ago, or a moment."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from netcore.model.errors import ConfigError

_NS = 1_000_000_000
_UNITS_NS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "ms": 1_000_000,
    "s": _NS,
    "m": 60 * _NS,
    "h": 3600 * _NS,
}
_PART = r"(\d{1,9}(?:\.\d{1,9})?)(ns|us|µs|ms|s|m|h)"
_DURATION = re.compile(rf"(?:{_PART})+")


def moment_ns(text: str, now_ns: int) -> int:
    """Unix nanoseconds of `3m`, `1h30m` (ago) or of RFC 3339 with its zone. Raises ConfigError."""
    if _DURATION.fullmatch(text):
        ago = sum(float(size) * _UNITS_NS[unit] for size, unit in re.findall(_PART, text))
        return max(1, now_ns - int(ago))
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            raise ValueError("no time zone")
        return max(1, int(found.timestamp() * _NS))
    except (ValueError, OverflowError) as error:
        raise ConfigError(
            f"{text!r} is neither a duration such as 3m or 1h30m nor a time such as "
            "2026-01-31T12:00:00Z"
        ) from error


def rfc3339_nano(unix_ns: int) -> str:
    """UTC with nine digits after the point."""
    seconds, rest = divmod(unix_ns, _NS)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
