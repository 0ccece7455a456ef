"""The HTTP side of an application load balancer.

Source: RFC 9110 section 7.6 (hop-by-hop fields); de facto X-Forwarded-* as clouds send them.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable

import aiohttp
from aiohttp import hdrs, web
from multidict import CIMultiDict
from yarl import URL

from cloudlb.application.targets import Target, TargetGroup, Turns
from cloudlb.calls import local_addresses
from netcore.model.address import IpAddress, parse_address

log = logging.getLogger(__name__)

_HOP_BY_HOP = {
    *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te"),
    *("trailer", "transfer-encoding", "upgrade", "proxy-connection"),
}
_RETRIED = frozenset({"GET", "HEAD", "OPTIONS"})
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
_CONNECT_S, _ANSWER_S = 3.0, 60.0
_KEEPALIVE_S = 4.0  # below the 5 s of common servers: whose end closes must not be a race
_CHUNK_BYTES = 1 << 16
_MAX_CONNECTIONS = 1000

Choose = Callable[[str, str], TargetGroup | None]
"""From the Host header and the path to who may answer; None: nobody is there for it."""


class HttpProxy:
    """Answers requests with what the targets answer. One for all listeners."""

    def __init__(self, sources: Iterable[IpAddress] = ()) -> None:
        """`sources`: the addresses to call targets from, by family; else as the kernel chooses."""
        self._sources = tuple(sources)
        self._sessions: dict[int, aiohttp.ClientSession] = {}
        self._turns = Turns()
        self.answered: Counter[int] = Counter()

    async def start(self) -> None:
        timeout = aiohttp.ClientTimeout(
            connect=_ANSWER_S, sock_connect=_CONNECT_S, sock_read=_ANSWER_S
        )
        for version, local in local_addresses(self._sources).items():
            self._sessions[version] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=_MAX_CONNECTIONS, keepalive_timeout=_KEEPALIVE_S, local_addr=local
                ),
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=timeout,
            )

    async def close(self) -> None:
        for session in self._sessions.values():
            await session.close()

    async def answer(self, request: web.BaseRequest, choose: Choose) -> web.StreamResponse:
        """The answer to one request: a target's, or a refusal that says why.

        400: the request names no path (CONNECT); 403: not from there; 404: no rule; 502: no
        target could be asked, or its answer is none; 503: there is none; 504: it did not answer.
        """
        response = await self._answer(request, choose)
        self.answered[response.status] += 1
        return response

    async def _answer(self, request: web.BaseRequest, choose: Choose) -> web.StreamResponse:
        path = _path_of(request)
        if path is None:
            return refusal(400, "the request names no path")
        # A %2F is no separator: path_safe leaves it alone.
        group = choose(_host_of(request), request.rel_url.path_safe)
        if group is None:
            return refusal(404, "no rule is for this host and path")
        if not group.admits(parse_address(request.remote or "0.0.0.0")):
            return refusal(403, "the Service's loadBalancerSourceRanges do not admit you")
        await _go_on(request)
        return await self._ask(request, path, group)

    async def _ask(
        self, request: web.BaseRequest, path: str, group: TargetGroup
    ) -> web.StreamResponse:
        status, reason = 503, group.why_empty
        may_repeat = request.method in _RETRIED and not request.body_exists
        for target in self._turns.order(group):
            try:
                return await self._pass_on(request, target, path)
            except aiohttp.ClientError as error:
                status, reason = 502, f"{target.authority}: {_why(error)}"
                is_lost = may_repeat and isinstance(error, aiohttp.ClientConnectionError)
                if isinstance(error, aiohttp.SocketTimeoutError):
                    return refusal(504, reason)
                if not is_lost and not isinstance(error, _NOT_SENT):
                    return refusal(502, reason)
        return refusal(status, reason)

    async def _pass_on(
        self, request: web.BaseRequest, target: Target, path: str
    ) -> web.StreamResponse:
        """Raises ClientError as long as nothing of the answer has been sent."""
        async with self._sessions[target.address.version].request(
            request.method,
            URL(f"http://{target.authority}{path}", encoded=True),
            headers=forwarded_headers(request),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            data=request.content if request.body_exists else None,
            allow_redirects=False,
        ) as found:
            return await _relay(request, found)


class _Relayed(web.StreamResponse):
    """Has the fields that it was given: aiohttp would add a Server and a Content-Type."""

    async def _prepare_headers(self) -> None:
        absent = [name for name in (hdrs.SERVER, hdrs.CONTENT_TYPE) if name not in self.headers]
        await super()._prepare_headers()
        for name in absent:
            self.headers.popall(name, None)


async def _relay(request: web.BaseRequest, found: aiohttp.ClientResponse) -> web.StreamResponse:
    """An answer that breaks off breaks off for the client, too: it must not look whole."""
    answer = _Relayed(status=found.status, reason=found.reason)
    answer.headers.extend(_end_to_end(found.headers))
    try:
        await answer.prepare(request)
        async for chunk in found.content.iter_chunked(_CHUNK_BYTES):
            await answer.write(chunk)
        await answer.write_eof()
    except ConnectionResetError:  # the client is gone: no reason to ask another node
        pass
    except aiohttp.ClientError as error:
        log.info("%s: the answer broke off: %s", found.url, error or type(error).__name__)
        if request.transport is not None:
            request.transport.abort()
    return answer


def _path_of(request: web.BaseRequest) -> str | None:
    """Path and query as they came, also of a request in absolute form (RFC 9112 section 3.2)."""
    if request.raw_path.startswith("/"):
        return request.raw_path
    path = request.rel_url.raw_path_qs
    return path if path.startswith("/") and request.method != hdrs.METH_CONNECT else None


def _host_of(request: web.BaseRequest) -> str:
    """Whom the client asks for: that of an absolute form wins (RFC 9112 section 3.2.2)."""
    if request.raw_path.startswith("/"):
        return request.headers.get(hdrs.HOST, "")
    return request.rel_url.authority or request.headers.get(hdrs.HOST, "")


async def _go_on(request: web.BaseRequest) -> None:
    """A client that asks whether to send its body (RFC 9110 section 10.1.1) shall send it."""
    if request.headers.get(hdrs.EXPECT, "").lower() == "100-continue":
        writer = request.writer
        await writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        writer.output_size = 0


def forwarded_headers(request: web.BaseRequest) -> "CIMultiDict[str]":
    """The request's end-to-end fields, and who sent it to what."""
    headers = _end_to_end(request.headers)
    headers.popall(hdrs.EXPECT, None)
    client = request.remote or ""
    before = ", ".join(request.headers.getall("X-Forwarded-For", ()))
    headers["X-Forwarded-For"] = f"{before}, {client}" if before else client
    port = request.get_extra_info("sockname", ("", 80))[1]
    headers["X-Forwarded-Port"] = str(port)
    headers["X-Forwarded-Proto"] = "http"
    headers["X-Forwarded-Host"] = headers[hdrs.HOST] = _host_of(request)
    return headers


def _end_to_end(headers: "CIMultiDict[str] | aiohttp.typedefs.LooseHeaders") -> "CIMultiDict[str]":
    given: CIMultiDict[str] = CIMultiDict(headers)
    connection = ",".join(given.getall(hdrs.CONNECTION, ()))
    named = {name.strip().lower() for name in connection.split(",")}
    kept: CIMultiDict[str] = CIMultiDict()
    for name, value in given.items():
        if name.lower() not in _HOP_BY_HOP and name.lower() not in named:
            kept.add(name, value)
    return kept


def _why(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):  # its own text speaks of TLS
        return str(error.os_error.strerror or error.os_error)
    return str(error) or type(error).__name__


def refusal(status: int, reason: str) -> web.Response:
    """An answer of the load balancer's own; the log has it, too."""
    log.info("%d: %s", status, reason)
    return web.Response(status=status, text=f"cloudlb: {reason}\n")
