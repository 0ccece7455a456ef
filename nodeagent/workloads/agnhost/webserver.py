"""`test-webserver`: the container's files over HTTP on port 80."""

import asyncio
from collections.abc import Sequence

from nodeagent.workloads.agnhost.serving import termination
from nodeagent.workloads.flags import parse_flags
from nodeagent.workloads.http_server import serve_http
from nodeagent.workloads.static_files import StaticFiles


def main(args: Sequence[str]) -> int:
    flags, _rest = parse_flags(args, {"port": 80})
    asyncio.run(_serve(int(flags["port"])))
    return 0


async def _serve(port: int) -> None:
    async with serve_http(StaticFiles("/", list_directories=True).answer, None, port):
        await termination()
