"""GET /apis/kubehop.dev/v1alpha1/flows: the flows of the whole cluster as NDJSON."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from aiohttp import web

from controlplane.api.errors import bad_request
from controlplane.api.extensions import wire
from controlplane.api.extensions.flow_sources import MergedFlows
from controlplane.api.extensions.targets import is_ready
from controlplane.rpc.agent_types import FlowQuery

if TYPE_CHECKING:
    from controlplane.api.strategy import Reader
    from controlplane.rpc.agents import Agents

KEEPALIVE_S = 10.0
"""An empty line after so much silence tells both ends that the other is there."""
MAX_LAST = 1_000_000
_MAX_DIGITS = 19
_SWITCHES = ("follow", "onlyNew", "payloads")
_NUMBERS = ("last", "sinceUnixNs", "untilUnixNs")


def parse_query(request: web.Request) -> FlowQuery:
    """What is asked for. Raises StatusError 400."""
    unknown = set(request.query) - {*_SWITCHES, *_NUMBERS, "node"}
    if unknown:
        raise bad_request(f"unknown parameter {sorted(unknown)[0]!r}")
    return FlowQuery(
        since_unix_ns=_number(request, "sinceUnixNs", (1 << 63) - 1),
        until_unix_ns=_number(request, "untilUnixNs", (1 << 63) - 1),
        last=_number(request, "last", MAX_LAST),
        only_new=_switch(request, "onlyNew"),
        follow=_switch(request, "follow"),
        payloads=_switch(request, "payloads"),
    )


async def serve_flows(request: web.Request, reader: Reader, agents: Agents) -> web.StreamResponse:
    """Streams until all is told; with `follow` until the client goes. Raises StatusError first."""
    query = parse_query(request)
    nodes, _ = await reader.list("nodes")
    wanted = set(request.query.getall("node", []))
    ready: list[str] = []
    others: list[str] = []
    for node in nodes:
        name = node["metadata"]["name"]
        if not wanted or name in wanted:
            (ready if is_ready(node) else others).append(name)
    unknown = wanted - {*ready, *others}
    if unknown:
        raise bad_request(f"there is no node {sorted(unknown)[0]!r}")
    response = web.StreamResponse(headers={"Content-Type": wire.NDJSON})
    await response.prepare(request)
    now = time.time_ns()
    missing = [wire.line(wire.flows_missing(node, now, "the node is not Ready")) for node in others]
    await response.write(b"".join(missing))
    try:
        await MergedFlows(agents, ready, query).run(_Writer(response).write)
    except* ConnectionError:
        pass  # the client has left
    return response


class _Writer:
    def __init__(self, response: web.StreamResponse) -> None:
        self._response = response
        self._now = asyncio.get_running_loop().time
        self._said = self._now()

    async def write(self, lines: list[bytes]) -> None:
        if lines or self._now() - self._said >= KEEPALIVE_S:
            await self._response.write(b"".join(lines) or b"\n")
            self._said = self._now()


def _number(request: web.Request, name: str, most: int) -> int:
    value = request.query.get(name, "0")
    plain = value.isascii() and value.isdecimal() and len(value) <= _MAX_DIGITS
    if not plain or int(value) > most:
        raise bad_request(f"{name}: {value!r} is not a number from 0 to {most}")
    return int(value)


def _switch(request: web.Request, name: str) -> bool:
    value = request.query.get(name, "false")
    if value not in ("true", "false"):
        raise bad_request(f"{name}: {value!r} is neither true nor false")
    return value == "true"
