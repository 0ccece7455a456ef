"""The UDP sockets of the tunnel.

One socket receives on the VXLAN port. Datagrams leave from a small pool of other sockets,
chosen by the inner flow's hash, so that the outer source port carries entropy for ECMP and
receive-side scaling (RFC 7348 section 5) while one flow keeps one port.
"""

import errno
import socket
from collections.abc import Sequence

from netcore.model.address import IpAddress
from netcore.model.errors import DatapathError

SENDERS = 16
_BUFFER_BYTES = 4 * 1024 * 1024
_SO_SNDBUFFORCE = 32
_SO_RCVBUFFORCE = 33


class VxlanSocket:
    """Receives from and sends to the VTEPs of other nodes. Never blocks."""

    def __init__(self, address: IpAddress, port: int) -> None:
        """Raises DatapathError naming address and port when the port is taken."""
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        self._port = port
        self._receiver = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._senders: list[socket.socket] = []
        try:
            self._receiver.bind((str(address), port))
            for _ in range(SENDERS):
                sender = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
                self._senders.append(sender)
                sender.bind((str(address), 0))
        except OSError as error:
            self.close()
            raise DatapathError("bind VXLAN", f"{address}:{port}", _remedy(error)) from error
        for each in (self._receiver, *self._senders):
            _enlarge_buffers(each)

    @property
    def descriptor(self) -> int:
        return self._receiver.fileno()

    def receive_into(self, buffer: memoryview) -> tuple[int, str]:
        """Bytes read and the sender's address. Raises BlockingIOError when nothing waits."""
        count, peer = self._receiver.recvfrom_into(buffer)
        return count, peer[0]

    def send(self, flow_hash: int, parts: Sequence[bytes | memoryview], destination: str) -> None:
        """One datagram made of `parts`. Raises OSError: the caller counts it as a drop."""
        sender = self._senders[flow_hash % SENDERS]
        sender.sendmsg(parts, (), 0, (destination, self._port))

    def close(self) -> None:
        for each in (self._receiver, *self._senders):
            each.close()


def _remedy(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "the UDP port is taken; stop the other VXLAN device or agent on this address"
    if error.errno == errno.EADDRNOTAVAIL:
        return "this machine does not have that address; check --underlay-address"
    return error.strerror or str(error)


def _enlarge_buffers(each: socket.socket) -> None:
    for forced, plain in (
        (_SO_RCVBUFFORCE, socket.SO_RCVBUF),
        (_SO_SNDBUFFORCE, socket.SO_SNDBUF),
    ):
        try:
            each.setsockopt(socket.SOL_SOCKET, forced, _BUFFER_BYTES)
        except PermissionError:  # in a user namespace: as much as net.core.[rw]mem_max gives
            each.setsockopt(socket.SOL_SOCKET, plain, _BUFFER_BYTES)
