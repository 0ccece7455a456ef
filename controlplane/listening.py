"""Listening sockets as flags name them: `HOST:PORT`, or `fd://N` for an inherited one."""

from __future__ import annotations

import os
import socket

from netcore.model.errors import ConfigError, KubehopError

_FD = "fd://"


def listen(address: str, flag: str) -> socket.socket:
    """An open, non-blocking listening socket.

    Raises ConfigError for a wrong address, KubehopError when the system refuses it.
    """
    try:
        opened = _inherited(address) if address.startswith(_FD) else _bound(address)
    except ValueError as error:
        raise ConfigError(f"{flag} {address}: {error}") from error
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise KubehopError(f"{flag}: cannot listen on {address}: {reason}") from error
    opened.setblocking(False)
    return opened


def split_address(address: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT` or `[V6]:PORT`. Raises ValueError."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise ValueError("expected HOST:PORT")
    return host.strip("[]"), int(port)


def _inherited(address: str) -> socket.socket:
    number = address.removeprefix(_FD)
    if not number.isdecimal():
        raise ValueError("expected fd://NUMBER")
    return socket.socket(fileno=int(number))


def _bound(address: str) -> socket.socket:
    host, port = split_address(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((host, port))
        opened.listen(512)
    except BaseException:
        opened.close()
        raise
    return opened
