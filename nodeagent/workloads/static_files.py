"""Files below a directory as HTTP responses; nothing above it can be named."""

import html
import mimetypes
import os
from email.utils import formatdate
from urllib.parse import quote

from nodeagent.workloads.http_message import Request, Response


class StaticFiles:
    """Serves `root`: `index.html` for a directory, else its listing where that is allowed."""

    def __init__(self, root: str, *, list_directories: bool = False) -> None:
        self._root = root.rstrip("/")
        self._list_directories = list_directories

    def answer(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            return Response(405, b"405 Not Allowed\n")
        parts = [part for part in request.path.split("/") if part not in ("", ".")]
        if ".." in parts or "\0" in request.path:
            return Response(400, b"400 Bad Request\n")
        path = "/".join((self._root, *parts))
        if os.path.isdir(path):
            return self._answer_directory(request, path)
        if not os.path.isfile(path):
            return Response(404, b"404 page not found\n")
        return file_response(path)

    def _answer_directory(self, request: Request, path: str) -> Response:
        if not request.path.endswith("/"):
            location = quote(request.path) + "/"
            return Response(301, b"", headers=[("Location", location)])
        index = f"{path}/index.html"
        if os.path.isfile(index):
            return file_response(index)
        if not self._list_directories:
            return Response(403, b"403 Forbidden\n")
        names = (
            entry.name + ("/" if entry.is_dir() else "")
            for entry in sorted(os.scandir(path or "/"), key=lambda entry: entry.name)
        )
        links = (f'<a href="{quote(name)}">{html.escape(name)}</a>\n' for name in names)
        page = "<pre>\n" + "".join(links) + "</pre>\n"
        return Response(200, page.encode(), "text/html; charset=utf-8")


def file_response(path: str) -> Response:
    """200 with the file as the body, its type guessed by its name."""
    kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
    modified = formatdate(os.stat(path).st_mtime, usegmt=True)
    return Response(200, b"", kind, [("Last-Modified", modified)], file=path)
