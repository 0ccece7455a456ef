"""The HTTP side of an application load balancer.

Source: RFC 9110 section 7.6 (hop-by-hop fields); de facto X-Forwarded-* as clouds send them.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from cloudlb.application.targets import Target, TargetGroup, Turns
from netcore.model.address import IpAddress, parse_address

log = logging.getLogger(__name__)

_HOP_BY_HOP = {
    *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te"),
    *("trailer", "transfer-encoding", "upgrade", "proxy-connection"),
}
_RETRIED = frozenset({"GET", "HEAD", "OPTIONS"})
_CONNECT_S, _ANSWER_S = 3.0, 60.0
_CHUNK_BYTES = 1 << 16
_MAX_CONNECTIONS = 1000

Choose = Callable[[str, str], TargetGroup | None]
"""From the Host header and the path to who may answer; None: nobody is there for it."""


class HttpProxy:
    """Answers requests with what the targets answer. One for all listeners."""

    def __init__(self, source: IpAddress | None = None) -> None:
        """`source`: the address to call the targets from; None: as the kernel chooses."""
        self._source = source
        self._session: aiohttp.ClientSession | None = None
        self._turns = Turns()

    async def start(self) -> None:
        connector = aiohttp.TCPConnector(
            limit=_MAX_CONNECTIONS,
            local_addr=None if self._source is None else (str(self._source), 0),
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(sock_connect=_CONNECT_S, sock_read=_ANSWER_S),
        )

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def answer(self, request: web.BaseRequest, choose: Choose) -> web.StreamResponse:
        """The answer to one request: a target's, or 403, 404, 502, 503, 504 with the reason."""
        group = choose(request.headers.get("Host", ""), request.path)
        if group is None:
            return _refusal(404, "no rule is for this host and path")
        if not group.admits(parse_address(request.remote or "0.0.0.0")):
            return _refusal(403, "the Service's loadBalancerSourceRanges do not admit you")
        reason = "no node is healthy"
        for target in self._turns.order(group):
            try:
                return await self._pass_on(request, target)
            except (aiohttp.ClientConnectionError, TimeoutError) as error:
                reason = f"{target.authority}: {error or type(error).__name__}"
                if request.method not in _RETRIED or request.body_exists:
                    return _refusal(502, reason)
            except aiohttp.ClientError as error:
                return _refusal(502, f"{target.authority}: {error}")
        return _refusal(503 if not group.targets else 502, reason)

    async def _pass_on(self, request: web.BaseRequest, target: Target) -> web.StreamResponse:
        assert self._session is not None
        async with self._session.request(
            request.method,
            f"http://{target.authority}{request.raw_path}",
            headers=forwarded_headers(request),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            data=request.content if request.body_exists else None,
            allow_redirects=False,
        ) as found:
            answer = web.StreamResponse(status=found.status, reason=found.reason)
            answer.headers.extend(_end_to_end(found.headers))
            # The client is the one that is slow or gone: no reason to ask another node.
            with suppress(ConnectionResetError, asyncio.CancelledError):
                await answer.prepare(request)
                async for chunk in found.content.iter_chunked(_CHUNK_BYTES):
                    await answer.write(chunk)
                await answer.write_eof()
            return answer


def forwarded_headers(request: web.BaseRequest) -> "CIMultiDict[str]":
    """The request's end-to-end fields, and who sent it to what."""
    headers = _end_to_end(request.headers)
    client = request.remote or ""
    before = ", ".join(request.headers.getall("X-Forwarded-For", ()))
    headers["X-Forwarded-For"] = f"{before}, {client}" if before else client
    port = request.get_extra_info("sockname", ("", 80))[1]
    headers["X-Forwarded-Port"] = str(port)
    headers["X-Forwarded-Proto"] = "http"
    headers["X-Forwarded-Host"] = request.headers.get("Host", "")
    return headers


def _end_to_end(headers: "CIMultiDict[str] | aiohttp.typedefs.LooseHeaders") -> "CIMultiDict[str]":
    given: CIMultiDict[str] = CIMultiDict(headers)
    named = {name.strip().lower() for name in given.get("Connection", "").split(",")}
    kept: CIMultiDict[str] = CIMultiDict()
    for name, value in given.items():
        if name.lower() not in _HOP_BY_HOP and name.lower() not in named:
            kept.add(name, value)
    return kept


def _refusal(status: int, reason: str) -> web.Response:
    log.info("%d: %s", status, reason)
    return web.Response(status=status, text=f"cloudlb: {reason}\n")
