"""The UDP sockets of the tunnel.

One socket receives on the VXLAN port. Datagrams leave from a small pool of other sockets,
chosen by the inner flow's hash, so that the outer source port carries entropy for ECMP and
receive-side scaling (RFC 7348 section 5) while one flow keeps one port.
"""

import contextlib
import errno
import socket
import struct

from netcore.model.address import IpAddress
from netcore.model.errors import DatapathError
from netcore.model.offloads import RECEIVE_OFFLOAD, SEND_OFFLOAD

SENDERS = 16
_BUFFER_BYTES = 4 * 1024 * 1024
_SO_SNDBUFFORCE = 32
_SO_RCVBUFFORCE = 33
_SO_MEMINFO = 55
_MEMINFO = struct.Struct("=9I")  # include/uapi/linux/sock_diag.h
_SK_MEMINFO_DROPS = 8
_UDP_SEGMENT = 103  # include/uapi/linux/udp.h
_UDP_GRO = 104
_SEGMENT_SIZE = struct.Struct("=H")
_GRO_SIZE = struct.Struct("=i")
_ANCILLARY_BYTES = socket.CMSG_SPACE(_GRO_SIZE.size)


class VxlanSocket:
    """Receives from and sends to the VTEPs of other nodes. Never blocks."""

    def __init__(self, address: IpAddress, port: int) -> None:
        """Raises DatapathError naming address and port when the port is taken."""
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        self.port = port
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
        self.capabilities = _offloads(self._receiver)
        """SEND_OFFLOAD and RECEIVE_OFFLOAD where the kernel has them."""

    @property
    def descriptor(self) -> int:
        return self._receiver.fileno()

    def receive_into(self, buffer: memoryview) -> tuple[int, str, int]:
        """Bytes read, the sender's address, and how long each of the datagrams is.

        Several datagrams of one sender may come at once, all of one length but for the last,
        which may be shorter. Raises BlockingIOError when nothing waits.
        """
        count, ancillary, _, peer = self._receiver.recvmsg_into((buffer,), _ANCILLARY_BYTES)
        if ancillary:
            return count, peer[0], _GRO_SIZE.unpack_from(ancillary[0][2])[0]
        return count, peer[0], count

    def receive_with_port_into(self, buffer: memoryview) -> tuple[int, tuple[str, int], int]:
        """As `receive_into`, with the port that the sender sent from."""
        count, ancillary, _, peer = self._receiver.recvmsg_into((buffer,), _ANCILLARY_BYTES)
        width = _GRO_SIZE.unpack_from(ancillary[0][2])[0] if ancillary else count
        return count, (peer[0], peer[1]), width

    def send(
        self, flow_hash: int, data: memoryview, destination: str, segment_bytes: int = 0
    ) -> None:
        """One datagram, or datagrams of `segment_bytes` each, of which the last may be shorter.

        Several only where `capabilities` has SEND_OFFLOAD. Raises OSError: the caller counts it
        as a drop.
        """
        sender = self._senders[flow_hash % SENDERS]
        if segment_bytes and segment_bytes < len(data):
            size = _SEGMENT_SIZE.pack(segment_bytes)
            ancillary = ((socket.SOL_UDP, _UDP_SEGMENT, size),)
            sender.sendmsg((data,), ancillary, 0, (destination, self.port))
        else:
            sender.sendto(data, (destination, self.port))

    def sender(self, flow_hash: int) -> tuple[str, int, int]:
        """Source address, source port and TTL (hop limit) of this flow's datagrams."""
        found = self._senders[flow_hash % SENDERS]
        address = found.getsockname()
        if found.family == socket.AF_INET:
            ttl = found.getsockopt(socket.IPPROTO_IP, socket.IP_TTL)
        else:
            ttl = found.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS)
        return address[0], address[1], ttl

    @property
    def overflowed(self) -> int:
        """How many datagrams found the receive queue full, since the start."""
        fields = _MEMINFO.unpack(
            self._receiver.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size)
        )
        return int(fields[_SK_MEMINFO_DROPS])

    def close(self) -> None:
        for each in (self._receiver, *self._senders):
            each.close()


def _remedy(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "the UDP port is taken; stop the other VXLAN device or agent on this address"
    if error.errno == errno.EADDRNOTAVAIL:
        return "this machine does not have that address; check --underlay-address"
    return error.strerror or str(error)


def _offloads(receiver: socket.socket) -> frozenset[str]:
    """Has the kernel hand over datagrams in batches; what it can do."""
    found = set()
    with contextlib.suppress(OSError):  # before Linux 4.18
        receiver.getsockopt(socket.SOL_UDP, _UDP_SEGMENT)
        found.add(SEND_OFFLOAD)
    with contextlib.suppress(OSError):  # before Linux 5.0
        receiver.setsockopt(socket.SOL_UDP, _UDP_GRO, 1)
        found.add(RECEIVE_OFFLOAD)
    return frozenset(found)


def _enlarge_buffers(each: socket.socket) -> None:
    for forced, plain in (
        (_SO_RCVBUFFORCE, socket.SO_RCVBUF),
        (_SO_SNDBUFFORCE, socket.SO_SNDBUF),
    ):
        try:
            each.setsockopt(socket.SOL_SOCKET, forced, _BUFFER_BYTES)
        except PermissionError:  # in a user namespace: as much as net.core.[rw]mem_max gives
            each.setsockopt(socket.SOL_SOCKET, plain, _BUFFER_BYTES)
