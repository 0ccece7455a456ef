"""Requests from a pod through the Service, and who answered."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kubehop.kubernetes.execute import Executor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from kubehop.kubernetes.credentials import Credentials

URL = "http://backend"
_COMMAND = ("kubehop-http-get", "--json", URL)


@dataclass(frozen=True, slots=True)
class Answer:
    """One request's end: which pod answered, or why none did."""

    pod: str
    total_ms: float
    problem: str = ""


async def send_requests(
    credentials: Credentials, namespace: str, pod: str, count: int
) -> AsyncIterator[Answer]:
    """GETs URL from `pod`, `count` times, one after the other. Raises ApiError."""
    async with Executor(credentials) as executor:
        for _ in range(count):
            executed = await executor.run(namespace, pod, _COMMAND)
            yield parse_answer(executed.exit_code, executed.stdout, executed.stderr)


def parse_answer(exit_code: int, stdout: bytes, stderr: bytes) -> Answer:
    """What kubehop-http-get --json of a whoami backend said."""
    if exit_code != 0:
        return Answer("", 0.0, stderr.decode(errors="replace").strip() or f"exit code {exit_code}")
    try:
        fetched: dict[str, Any] = json.loads(stdout)
        lines = dict(
            line.split(": ", 1) for line in str(fetched["body"]).splitlines() if ": " in line
        )
        return Answer(lines["Hostname"], float(fetched["totalMs"]))
    except (ValueError, KeyError, TypeError) as error:
        return Answer("", 0.0, f"the answer is not a backend's: {error!r}")
