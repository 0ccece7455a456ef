"""Copies of the ICMPv6 that comes in for the node itself, of which its pods may be meant.

What pods send out of the cluster has the node's address, and so have the echo replies and errors
that come back. ICMP over IPv4 is led into the datapath by a routing rule; ICMPv6 is not, since
neighbour discovery is ICMPv6, too, and no rule can tell the two apart. So the kernel keeps all
of it, and the datapath gets copies of what may be for a pod.
"""

import ctypes
import errno
import socket
import struct
from collections.abc import Iterator
from ipaddress import IPv6Address

from netcore.model.errors import DatapathError
from netcore.packet.icmpv6 import ICMPV6_ERROR_TYPES
from netcore.packet.protocols import ETHERTYPE_IPV6, ICMPV6_ECHO_REPLY, PROTOCOL_ICMPV6

_SO_ATTACH_FILTER = 26
_INSTRUCTION = struct.Struct("HBBI")  # struct sock_filter, include/uapi/linux/filter.h
_LOAD_BYTE, _LOAD_WORD, _JUMP_EQUAL, _RETURN = 0x30, 0x20, 0x15, 0x06
_NEXT_HEADER_AT, _DESTINATION_AT, _TYPE_AT = 14 + 6, 14 + 24, 14 + 40
_WHOLE = 0x40000  # no frame is longer
_TYPES = (*sorted(ICMPV6_ERROR_TYPES), ICMPV6_ECHO_REPLY)


class Icmpv6Socket:
    """Echo replies and errors to one address of the node, as whole frames. Never blocks."""

    def __init__(self, device: str, address: IPv6Address) -> None:
        """Raises DatapathError with the remedy."""
        try:
            self._socket = socket.socket(
                socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0
            )
        except OSError as error:
            reason = f"{error.strerror}; CAP_NET_RAW is needed"
            raise DatapathError("receive ICMPv6", device, reason) from error
        try:
            _attach_filter(self._socket, address)
            # Only from here on does anything come in, so nothing unfiltered ever does.
            self._socket.bind((device, ETHERTYPE_IPV6))
        except OSError as error:
            self.close()
            raise DatapathError("receive ICMPv6", device, str(error.strerror)) from error

    @property
    def descriptor(self) -> int:
        return self._socket.fileno()

    def receive_into(self, buffer: memoryview) -> int:
        """The length of the next frame; 0 when none waits."""
        try:
            return self._socket.recv_into(buffer)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.ENETDOWN):
                return 0
            raise

    def close(self) -> None:
        self._socket.close()


def _attach_filter(receiver: socket.socket, address: IPv6Address) -> None:
    program = b"".join(_program(address))
    code = ctypes.create_string_buffer(program)
    count = len(program) // _INSTRUCTION.size
    described = struct.pack("HL", count, ctypes.addressof(code))  # struct sock_fprog
    receiver.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, described)


def _program(address: IPv6Address) -> Iterator[bytes]:
    """Classic BPF: without extension headers, to `address`, one of the types.

    Jumps count the instructions that they leave out, here up to the last one, which drops.
    """
    words = struct.unpack("!4I", address.packed)
    left = 2 + 2 * len(words) + 1 + len(_TYPES) + 1
    checks = [(_LOAD_BYTE, _NEXT_HEADER_AT, PROTOCOL_ICMPV6)]
    checks += [(_LOAD_WORD, _DESTINATION_AT + 4 * i, word) for i, word in enumerate(words)]
    for load, offset, wanted in checks:
        left -= 2
        yield _INSTRUCTION.pack(load, 0, 0, offset)
        yield _INSTRUCTION.pack(_JUMP_EQUAL, 0, left, wanted)
    yield _INSTRUCTION.pack(_LOAD_BYTE, 0, 0, _TYPE_AT)
    for after, kind in zip(reversed(range(len(_TYPES))), _TYPES, strict=True):
        yield _INSTRUCTION.pack(_JUMP_EQUAL, after, not after, kind)
    yield _INSTRUCTION.pack(_RETURN, 0, 0, _WHOLE)
    yield _INSTRUCTION.pack(_RETURN, 0, 0, 0)
