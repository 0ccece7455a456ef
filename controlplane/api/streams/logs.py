"""`GET .../pods/{pod}/log`: what a container wrote, as text.

Source of rules and wording: Kubernetes pkg/apis/core/validation (ValidatePodLogOptions).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from aiohttp import web

from controlplane.api.errors import FieldError, StatusError, bad_request, invalid, invalid_value
from controlplane.api.http.parameters import boolean
from controlplane.api.streams.target import find_place
from controlplane.rpc.agent_types import LogQuery

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from controlplane.api.http.request_info import RequestInfo
    from controlplane.rpc.agents import Agents, NodeReader

log = logging.getLogger(__name__)
_MAX_INT64 = 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_PART_S = 1.0
"""How long a refusal of the agent may take; a followed log can be silent for ever."""


class LogHandler:
    """Serves logs of the pods of any node."""

    def __init__(self, reader: NodeReader, agents: Agents) -> None:
        self._reader = reader
        self._agents = agents

    async def __call__(self, request: web.Request, info: RequestInfo) -> web.StreamResponse:
        """The log as chunked text/plain. Raises StatusError before the first byte."""
        if info.verb != "get":
            raise StatusError(405, "MethodNotAllowed", "a log can be read only: use GET")
        query = parse_query(request.query, time.time_ns())
        place = await find_place(self._reader, info, request.query.get("container", ""))
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        if not place.node_name:
            await response.prepare(request)
            return response
        agent = await self._agents.at(place.node_name)
        async with contextlib.aclosing(agent.logs(place.target, query)) as parts:
            refusal = await _send(request, response, parts)
        if refusal is None:
            return response
        if not response.prepared:
            raise refusal
        log.warning("log of %s: %s", place.target, refusal)
        if request.transport is not None:
            # Without the last chunk the client knows that the log is cut off.
            request.transport.abort()
        return response


async def _send(
    request: web.Request, response: web.StreamResponse, parts: AsyncGenerator[bytes, None]
) -> StatusError | None:
    """Writes the log; what the agent refused or broke off with."""
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(_next(parts))
        # A refusal has to be a Status, so it is awaited before the headers go out.
        await asyncio.wait({first}, timeout=_FIRST_PART_S)
        if not first.done():
            await response.prepare(request)
        part = await first
    if isinstance(part, StatusError):
        return part
    if not response.prepared:
        await response.prepare(request)
    while isinstance(part, bytes):
        await response.write(part)
        part = await _next(parts)
    return part


async def _next(parts: AsyncGenerator[bytes, None]) -> bytes | StatusError | None:
    try:
        return await anext(parts, None)
    except StatusError as error:
        return error


def parse_query(query: Mapping[str, str], now_ns: int) -> LogQuery:
    """The PodLogOptions of a request. Raises StatusError 400, 422."""
    numbers = {name: _number(query, name) for name in ("tailLines", "sinceSeconds", "limitBytes")}
    since_time = _since_time(query.get("sinceTime"))
    errors = _errors(numbers, has_since_time=since_time is not None)
    if errors:
        raise invalid("PodLogOptions", "", errors)
    since_ns = since_time or 0
    if numbers["sinceSeconds"] is not None:
        since_ns = max(now_ns - numbers["sinceSeconds"] * 1_000_000_000, 0)
    tail_lines = numbers["tailLines"]
    return LogQuery(
        follow=boolean(query, "follow"),
        previous=boolean(query, "previous"),
        timestamps=boolean(query, "timestamps"),
        tail_lines=-1 if tail_lines is None else tail_lines,
        since_unix_ns=min(max(since_ns, 0), _MAX_INT64),
        limit_bytes=numbers["limitBytes"] or 0,
    )


def _number(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name, "")
    if not text:
        return None
    try:
        value = int(text)
    except ValueError as error:
        message = f'strconv.ParseInt: parsing "{text}": invalid syntax (parameter {name})'
        raise bad_request(message) from error
    if abs(value) > _MAX_INT64:
        message = f'strconv.ParseInt: parsing "{text}": value out of range (parameter {name})'
        raise bad_request(message)
    return value


def _errors(numbers: Mapping[str, int | None], *, has_since_time: bool) -> list[FieldError]:
    errors = []
    tail_lines, since, limit = (
        numbers[name] for name in ("tailLines", "sinceSeconds", "limitBytes")
    )
    if tail_lines is not None and tail_lines < 0:
        detail = "must be greater than or equal to 0"
        errors.append(invalid_value("tailLines", tail_lines, detail))
    if limit is not None and limit < 1:
        errors.append(invalid_value("limitBytes", limit, "must be greater than 0"))
    if since is not None and has_since_time:
        message = "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified"
        errors.append(FieldError("", message, "FieldValueForbidden"))
    elif since is not None and since < 1:
        errors.append(invalid_value("sinceSeconds", since, "must be greater than 0"))
    return errors


def _since_time(text: str | None) -> int | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise bad_request(f"sinceTime {text!r} is no RFC 3339 time") from error
    moment = found if found.tzinfo else found.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000
