"""What a socket's error queue says of a packet that was not delivered (ip(7), IP_RECVERR)."""

import socket
import struct
from dataclasses import dataclass
from typing import Final

_IP_RECVERR, _IPV6_RECVERR = 11, 25  # include/uapi/linux/in.h, in6.h
_EXTENDED_ERROR = struct.Struct("=IBBBBII")  # struct sock_extended_err
_ORIGIN_ICMP, _ORIGIN_ICMP6 = 2, 3
_CONTROL_BYTES: Final = 512
_UNREACHABLE: Final = {
    (_ORIGIN_ICMP, 3, 0): "network unreachable",
    (_ORIGIN_ICMP, 3, 1): "host unreachable",
    (_ORIGIN_ICMP, 3, 2): "protocol unreachable",
    (_ORIGIN_ICMP, 3, 3): "port unreachable",
    (_ORIGIN_ICMP, 3, 4): "fragmentation needed",
    (_ORIGIN_ICMP, 3, 9): "network administratively prohibited",
    (_ORIGIN_ICMP, 3, 10): "host administratively prohibited",
    (_ORIGIN_ICMP, 3, 13): "administratively prohibited",
    (_ORIGIN_ICMP, 11, 0): "time exceeded",
    (_ORIGIN_ICMP6, 1, 0): "no route to destination",
    (_ORIGIN_ICMP6, 1, 1): "administratively prohibited",
    (_ORIGIN_ICMP6, 1, 3): "address unreachable",
    (_ORIGIN_ICMP6, 1, 4): "port unreachable",
    (_ORIGIN_ICMP6, 2, 0): "packet too big",
    (_ORIGIN_ICMP6, 3, 0): "time exceeded",
}


@dataclass(frozen=True, slots=True)
class IcmpError:
    """An ICMP error in words, and who sent it."""

    text: str
    sender: str


def keep_errors(sock: socket.socket) -> None:
    """Have the kernel keep what ICMP errors say, for `next_error`."""
    if sock.family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)


def next_error(sock: socket.socket) -> IcmpError | None:
    """The oldest kept ICMP error, None when there is none."""
    flags = socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT
    try:
        _, ancillary, _, _ = sock.recvmsg(1, _CONTROL_BYTES, flags)
    except OSError:
        return None
    for level, kind, data in ancillary:
        wanted = (socket.IPPROTO_IP, _IP_RECVERR), (socket.IPPROTO_IPV6, _IPV6_RECVERR)
        if (level, kind) in wanted and (found := parse_error(data)) is not None:
            return found
    return None


def parse_error(data: bytes) -> IcmpError | None:
    """A sock_extended_err with its SO_EE_OFFENDER; None when it is not about an ICMP error."""
    if len(data) < _EXTENDED_ERROR.size:
        return None
    _, origin, kind, code, _, _, _ = _EXTENDED_ERROR.unpack_from(data)
    if origin not in (_ORIGIN_ICMP, _ORIGIN_ICMP6):
        return None
    text = _UNREACHABLE.get((origin, kind, code), f"ICMP type {kind} code {code}")
    return IcmpError(text, _offender(data[_EXTENDED_ERROR.size :]))


def _offender(address: bytes) -> str:
    if len(address) < 2:
        return ""
    (family,) = struct.unpack_from("=H", address)
    if family == socket.AF_INET and len(address) >= 8:
        return socket.inet_ntop(socket.AF_INET, address[4:8])
    if family == socket.AF_INET6 and len(address) >= 24:
        return socket.inet_ntop(socket.AF_INET6, address[8:24])
    return ""
