"""The API server's connections: not more than it has memory for, nonsense answered as a Status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.api import errors
from controlplane.api.http.encode import status_response
from protos.http_server import FIRST_REQUEST_S, ConnectionServer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import web

TLS_HANDSHAKE_S = 10.0
MAX_CONNECTIONS = 800
"""A connection with TLS takes about 400 kB, and a process may often have 1,024 files."""


def connection_server(
    handle: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
    *,
    limit: int = MAX_CONNECTIONS,
    first_request_s: float = FIRST_REQUEST_S,
) -> ConnectionServer:
    """What makes the connections of a listening socket."""
    return ConnectionServer(
        handle,
        lambda why: status_response(errors.bad_request(why)),
        limit=limit,
        first_request_s=first_request_s,
    )
