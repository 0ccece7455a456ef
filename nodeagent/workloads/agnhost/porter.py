"""`porter`: for every variable SERVE_PORT_n an HTTP server on port n that answers its value."""

import asyncio
import contextlib
import os
import re
from collections.abc import Mapping, Sequence

from nodeagent.workloads.agnhost.serving import termination
from nodeagent.workloads.http_message import Response
from nodeagent.workloads.http_server import Handler, serve_http


def ports_to_serve(env: Mapping[str, str]) -> dict[int, str]:
    """What to answer by port. `SERVE_PORT_80=foo` means: answer `foo` on port 80."""
    matches = ((re.fullmatch(r"SERVE_PORT_(\d{1,5})", name), env[name]) for name in env)
    return {int(match[1]): value for match, value in matches if match and int(match[1]) < 65536}


def main(_args: Sequence[str]) -> int:
    asyncio.run(_serve(ports_to_serve(os.environ)))
    return 0


async def _serve(ports: Mapping[int, str]) -> None:
    async with contextlib.AsyncExitStack() as servers:
        for port, body in ports.items():
            await servers.enter_async_context(serve_http(_answer(body), None, port))
        await termination()


def _answer(body: str) -> Handler:
    return lambda _request: Response(body=body.encode())
