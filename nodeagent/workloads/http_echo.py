"""`http-echo -text hello [-listen :5678] [-status-code 200]` as hashicorp/http-echo."""

import asyncio
import os
from collections.abc import Sequence

from nodeagent.workloads.agnhost.connect import split_address
from nodeagent.workloads.agnhost.serving import termination
from nodeagent.workloads.flags import UsageError, parse_flags
from nodeagent.workloads.http_message import Request, Response
from nodeagent.workloads.http_server import Handler, serve_http


def main(args: Sequence[str]) -> int:
    defaults: dict[str, str | int | bool] = {
        "text": os.environ.get("ECHO_TEXT", ""),
        "listen": ":5678",
        "status-code": 200,
    }
    flags, rest = parse_flags(args, defaults)
    if not flags["text"]:
        raise UsageError("Missing -text option or ECHO_TEXT env var")
    if rest:
        raise UsageError(f"Too many arguments: {' '.join(rest)}")
    host, port = split_address(str(flags["listen"]))
    handler = echo(str(flags["text"]), int(flags["status-code"]))
    asyncio.run(_serve(handler, host, port))
    return 0


def echo(text: str, status: int) -> Handler:
    """Answers every request with `text` and a newline; `/health` with a JSON document."""

    def answer(request: Request) -> Response:
        headers = [("X-App-Name", "http-echo"), ("X-App-Version", "1.0.0")]
        if request.path == "/health":
            return Response(200, b'{"status":"ok"}\n', "application/json", headers)
        return Response(status, f"{text}\n".encode(), headers=headers)

    return answer


async def _serve(handler: Handler, host: str, port: int) -> None:
    async with serve_http(handler, host or None, port):
        print(f"server is listening on {host}:{port}")
        await termination()
