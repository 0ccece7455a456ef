import asyncio
import logging
import socket

import aiohttp
import pytest

from coredns_emu.http import serve_page
from coredns_emu.sockets import ListenAddress, ListenError


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


async def fetch(url: str) -> tuple[int, str]:
    """Status and text, once the server is there."""
    async with asyncio.timeout(5), aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(url) as response:
                    return response.status, await response.text()
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0)


async def test_a_page(caplog):
    caplog.set_level(logging.INFO)
    listen = ListenAddress("127.0.0.1", free_port())
    async with asyncio.TaskGroup() as group:
        task = group.create_task(serve_page(listen, "/ready", lambda: (503, "kubernetes")))
        assert await fetch(f"http://{listen}/ready") == (503, "kubernetes")
        assert (await fetch(f"http://{listen}/other"))[0] == 404
        task.cancel()
    assert f"http://{listen}/ready" in caplog.messages


async def test_a_taken_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        listen = ListenAddress(*sock.getsockname())
        with pytest.raises(ListenError, match=f"cannot listen at {listen}/tcp"):
            await serve_page(listen, "/", lambda: (200, "OK"))
