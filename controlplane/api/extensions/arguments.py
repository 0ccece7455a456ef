"""What the bodies of these requests have in common."""

from __future__ import annotations

import json
from typing import Any

from controlplane.api.errors import bad_request

TRACE_TIMEOUT_S = 10.0
MAX_TRACE_TIMEOUT_S = 120.0


def read_json(body: bytes) -> Any:
    """Raises StatusError 400."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise bad_request(f"the body is no JSON: {error}") from error


def read_timeout_s(value: Any, most_s: float) -> float:
    """The field timeoutSeconds. Raises StatusError 400 naming it."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise bad_request(f"timeoutSeconds: {value!r} is not a number")
    if not 0 < value <= most_s:
        raise bad_request(f"timeoutSeconds: {value} is not between 0 and {most_s:.0f}")
    return float(value)


def read_trace_timeout_s(value: Any) -> float:
    """The same of a trace, which has a default."""
    return TRACE_TIMEOUT_S if value is None else read_timeout_s(value, MAX_TRACE_TIMEOUT_S)
