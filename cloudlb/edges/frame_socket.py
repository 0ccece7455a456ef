"""Whole Ethernet frames of one device, with what the kernel has left undone of them.

With PACKET_VNET_HDR each frame has a virtio_net_hdr in front of it: a TCP super-packet or a
checksum that is yet to be filled in goes out just as it came in.
"""

import fcntl
import socket
import struct

from netcore.model.errors import DatapathError

HEADER_BYTES = 10
"""Of the virtio_net_hdr before each frame."""

MAX_BYTES = HEADER_BYTES + 14 + 65_536

_ETH_P_ALL = 0x0003
_SOL_PACKET = 263
_PACKET_ADD_MEMBERSHIP = 1
_PACKET_VNET_HDR = 15
_PACKET_IGNORE_OUTGOING = 23
_PACKET_MR_ALLMULTI = 2
_SIOCGIFHWADDR = 0x8927
_BUFFER_BYTES = 4 << 20


class FrameSocket:
    """Non-blocking. Everything that the device receives for this machine or for all."""

    def __init__(self, device: str) -> None:
        """Raises DatapathError, e.g. without CAP_NET_RAW."""
        try:
            self._socket = socket.socket(
                socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.htons(_ETH_P_ALL)
            )
        except OSError as error:
            raise DatapathError(
                "open", "a packet socket", f"{error.strerror}; it needs CAP_NET_RAW"
            ) from error
        try:
            self._configure(device)
            self._socket.bind((device, _ETH_P_ALL))
            self.mac = _mac_of(self._socket, device)
        except OSError as error:
            self._socket.close()
            raise DatapathError("read frames of", device, str(error.strerror)) from error

    @property
    def descriptor(self) -> int:
        return self._socket.fileno()

    def read_into(self, buffer: memoryview) -> int:
        """How many bytes the next header and frame have; 0: none waits, or the device is down."""
        try:
            return self._socket.recv_into(buffer)
        except OSError:  # BlockingIOError and, once, ENETDOWN
            return 0

    def write(self, frame: memoryview) -> bool:
        """Send a header and its frame; whether the kernel took it."""
        try:
            self._socket.send(frame)
        except OSError:
            return False
        return True

    def close(self) -> None:
        self._socket.close()

    def _configure(self, device: str) -> None:
        set_option = self._socket.setsockopt
        set_option(_SOL_PACKET, _PACKET_VNET_HDR, 1)
        set_option(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
        # Neighbour solicitations come to groups that follow from the addresses asked for.
        wish = struct.pack("iHH8s", socket.if_nametoindex(device), _PACKET_MR_ALLMULTI, 0, b"")
        set_option(_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, wish)
        set_option(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        set_option(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)


def _mac_of(sock: socket.socket, device: str) -> bytes:
    request = struct.pack("256s", device.encode()[:15])
    return fcntl.ioctl(sock.fileno(), _SIOCGIFHWADDR, request)[18:24]
