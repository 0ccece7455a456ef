"""ICMP echo: by a ping socket where the group may (icmp(7)), else by a raw one."""

import random
import socket
import struct
from typing import Final

from netcore.packet.checksum import internet_checksum

_ECHO = struct.Struct("!BBHHH")
_TYPES: Final = {socket.AF_INET: (8, 0), socket.AF_INET6: (128, 129)}
_MAX_PACKET: Final = 2048


class EchoSocket:
    """One connected socket; `identifier` is what its requests and their answers have in common."""

    def __init__(self, family: socket.AddressFamily, destination: str) -> None:
        """Raises OSError when neither kind of socket may be had or there is no route."""
        self._request_type, self._reply_type = _TYPES[family]
        self._family = family
        protocol = socket.IPPROTO_ICMP if family == socket.AF_INET else socket.IPPROTO_ICMPV6
        try:
            self.sock = socket.socket(family, socket.SOCK_DGRAM, protocol)
            self._is_raw = False
        except PermissionError:
            self.sock = socket.socket(family, socket.SOCK_RAW, protocol)
            self._is_raw = True
        if not self._is_raw:
            self.sock.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", 0))
        self.sock.connect((destination, 0))
        self.identifier = (
            random.randrange(1, 1 << 16) if self._is_raw else int(self.sock.getsockname()[1])
        )

    def send(self, payload: bytes) -> None:
        """One request with sequence number 1. The kernel fills in an IPv6 checksum itself."""
        header = _ECHO.pack(self._request_type, 0, 0, self.identifier, 1)
        if self._family == socket.AF_INET:
            header = _ECHO.pack(
                self._request_type, 0, internet_checksum(header + payload), self.identifier, 1
            )
        self.sock.send(header + payload)

    def receive(self) -> bool:
        """Waits as long as the socket's timeout for one packet: whether it is the answer."""
        return self._is_answer(self.sock.recv(_MAX_PACKET))

    def _is_answer(self, packet: bytes) -> bool:
        if self._is_raw and self._family == socket.AF_INET and packet:
            packet = packet[(packet[0] & 0x0F) * 4 :]
        if len(packet) < _ECHO.size:
            return False
        kind, _, _, identifier, _ = _ECHO.unpack_from(packet)
        return bool(kind == self._reply_type and identifier == self.identifier)
