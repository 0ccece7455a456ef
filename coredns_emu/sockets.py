"""Sockets to listen on: bound here, or inherited already bound (socket activation)."""

import socket
from dataclasses import dataclass

from netcore.model.address import authority, parse_address
from netcore.model.errors import ConfigError, KubehopError

_RECEIVE_BUFFER_BYTES = 4 << 20
_BACKLOG = 1024
_INHERITED = "fd://"


class ListenError(KubehopError):
    """An address cannot be listened at."""


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where to listen: an address and port, or the inherited descriptor `fd`."""

    host: str = ""
    port: int = 0
    fd: int | None = None

    def __str__(self) -> str:
        if self.fd is not None:
            return f"{_INHERITED}{self.fd}"
        return authority(self.host, self.port)


def parse_listen(text: str, *, inherited: bool = True) -> ListenAddress:
    """`IP:PORT`, `[IPv6]:PORT` or, when `inherited`, `fd://N`. Raises ConfigError."""
    if inherited and text.startswith(_INHERITED):
        number = text.removeprefix(_INHERITED)
        if not number.isdecimal():
            raise ConfigError(f"{text!r} names no descriptor: write fd://3")
        return ListenAddress(fd=int(number))
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ConfigError(f"{text!r} is no listen address: write IP:PORT, e.g. 127.0.0.1:53")
    return ListenAddress(str(parse_address(host)), int(port))


def open_udp(address: ListenAddress) -> socket.socket:
    """A non-blocking UDP socket. Raises ListenError."""
    sock = _open(address, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
    return sock


def open_tcp(address: ListenAddress) -> socket.socket:
    """A non-blocking listening TCP socket. Raises ListenError."""
    sock = _open(address, socket.SOCK_STREAM)
    sock.listen(_BACKLOG)
    return sock


def _open(address: ListenAddress, kind: socket.SocketKind) -> socket.socket:
    try:
        sock = _bound(address, kind) if address.fd is None else _inherited(address.fd, kind)
    except OSError as error:
        protocol = "udp" if kind is socket.SOCK_DGRAM else "tcp"
        raise ListenError(f"cannot listen at {address}/{protocol}: {error.strerror}") from error
    sock.setblocking(False)
    return sock


def _bound(address: ListenAddress, kind: socket.SocketKind) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    sock = socket.socket(family, kind)
    try:
        if kind is socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address.host, address.port))
        if kind is socket.SOCK_STREAM:
            # Claims the port now: two bound sockets may coexist, two listening ones may not.
            sock.listen(_BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def _inherited(fd: int, kind: socket.SocketKind) -> socket.socket:
    sock = socket.socket(fileno=fd)
    if sock.type != kind:
        sock.detach()
        wanted = "datagram" if kind is socket.SOCK_DGRAM else "stream"
        raise ListenError(f"cannot listen at fd://{fd}: it is no {wanted} socket")
    return sock
