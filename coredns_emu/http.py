"""Plain HTTP for probes, in the event loop of the server."""

import asyncio
import logging
from collections.abc import Callable

from aiohttp import web

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
