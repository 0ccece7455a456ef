"""One listening socket for each address and port of the application load balancers."""

import logging
import socket
from collections.abc import Mapping
from contextlib import suppress

from aiohttp import web

from cloudlb.application.proxy import Choose, HttpProxy, refusal
from netcore.model.address import IpAddress
from protos.http_server import ConnectionServer

log = logging.getLogger(__name__)

Listen = tuple[IpAddress, int]
_BACKLOG = 512
_MAX_CONNECTIONS = 4096  # for each listener: they take 10 kB each, and descriptors
_SHUTDOWN_S = 1.0


class Listeners:
    """`use` says what shall be served; requests under way are not cut by it."""

    def __init__(self, proxy: HttpProxy) -> None:
        self._proxy = proxy
        self._choices: dict[Listen, Choose] = {}
        self._open: dict[Listen, web.ServerRunner] = {}

    async def use(self, choices: Mapping[Listen, Choose]) -> bool:
        """Whether all of them are served now; what cannot be is logged."""
        self._choices = dict(choices)
        for listen in [each for each in self._open if each not in choices]:
            await self._open.pop(listen).cleanup()
        missing = [each for each in choices if each not in self._open]
        return all([await self._listen(listen) for listen in missing])

    async def close(self) -> None:
        await self.use({})

    async def _listen(self, listen: Listen) -> bool:
        address, port = listen

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            choose = self._choices.get(listen, lambda host, path: None)
            return await self._proxy.answer(request, choose)

        server = ConnectionServer(
            handle,
            lambda why: refusal(400, why),
            limit=_MAX_CONNECTIONS,
            access_log=log,
            auto_decompress=False,  # a body goes on as it came: its Content-Encoding goes on, too
        )
        runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_S)
        await runner.setup()
        try:
            await web.SockSite(runner, _listening(address, port)).start()
        except OSError as error:
            log.warning("cannot listen at %s port %d: %s", address, port, error.strerror)
            with suppress(OSError):
                await runner.cleanup()
            return False
        self._open[listen] = runner
        return True


def _listening(address: IpAddress, port: int) -> socket.socket:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    return socket.create_server((str(address), port), family=family, backlog=_BACKLOG)
