"""Plain HTTP for probes and Prometheus, in the event loop of the server."""

import asyncio
import logging
import socket
from collections.abc import Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from coredns_emu.sockets import ListenAddress, ListenError

log = logging.getLogger(__name__)

Page = Callable[[], tuple[int, str]]  # status and text


async def serve_page(listen: ListenAddress, path: str, page: Page) -> None:
    """Serve one page until cancelled. Raises ListenError."""

    async def show(_request: web.Request) -> web.Response:
        status, text = page()
        return web.Response(status=status, text=text)

    application = web.Application()
    application.router.add_get(path, show)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, listen.host, listen.port).start()
        log.info("http://%s%s", listen, path)
        await asyncio.get_running_loop().create_future()
    except OSError as error:
        raise ListenError(f"cannot listen at {listen}/tcp: {error.strerror}") from error
    finally:
        await runner.cleanup()


async def serve_metrics(sock: socket.socket, metrics: Callable[[], bytes]) -> None:
    """Serve `/metrics` on a listening socket until cancelled, then close it."""

    async def show(_request: web.Request) -> web.Response:
        return web.Response(body=metrics(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    application = web.Application()
    application.router.add_get("/metrics", show)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.SockSite(runner, sock).start()
        log.info("http://%s/metrics", ListenAddress(*sock.getsockname()[:2]))
        await asyncio.get_running_loop().create_future()
    finally:
        await runner.cleanup()
