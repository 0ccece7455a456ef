"""`nginx`: port 80, the files below /usr/share/nginx/html, or nginx's welcome page."""

import asyncio
import os
import time
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from nodeagent.workloads.agnhost.serving import termination
from nodeagent.workloads.http_message import Request, Response
from nodeagent.workloads.http_server import serve_http
from nodeagent.workloads.static_files import StaticFiles

ROOT: Final = "/usr/share/nginx/html"
SERVER: Final = "nginx/1.27.0"

WELCOME: Final = b"""<!DOCTYPE html>
<html>
<head>
<title>Welcome to nginx!</title>
</head>
<body>
<h1>Welcome to nginx!</h1>
<p>This page is served by kubehop's built-in stand-in for nginx. Mount a volume at
/usr/share/nginx/html to serve files of your own.</p>
</body>
</html>
"""


class Nginx:
    """Answers as nginx's default site does and logs in its combined format."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._files = StaticFiles(root)

    def answer(self, request: Request) -> Response:
        response = self._answer(request)
        response.headers.insert(0, ("Server", SERVER))
        if response.status >= 300:
            response.body = _page(response.status)
            response.content_type = "text/html"
        print(_log_line(request, response))
        return response

    def _answer(self, request: Request) -> Response:
        is_welcome = request.path in ("/", "/index.html") and request.method in ("GET", "HEAD")
        if is_welcome and not _has_files(self._root):
            return Response(200, WELCOME, "text/html")
        return self._files.answer(request)


def _has_files(root: str) -> bool:
    try:
        return bool(os.listdir(root))
    except OSError:
        return False


def _page(status: int) -> bytes:
    title = f"{status} {HTTPStatus(status).phrase}"
    return (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1>"
        f"</center>\r\n<hr><center>{SERVER}</center>\r\n</body>\r\n</html>\r\n"
    ).encode()


def _log_line(request: Request, response: Response) -> str:
    size = len(response.body)
    if response.file is not None:
        size = os.stat(response.file).st_size
    now = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime())
    client = request.peer.rpartition(":")[0].strip("[]")
    referer = request.headers.get("referer", "-")
    agent = request.headers.get("user-agent", "-")
    line = f'"{request.method} {request.target} {request.version}" {response.status} {size}'
    return f'{client} - - [{now}] {line} "{referer}" "{agent}"'


def main(_args: Sequence[str]) -> int:
    asyncio.run(_serve())
    return 0


async def _serve() -> None:
    async with serve_http(Nginx(ROOT).answer, None, 80):
        await termination()
