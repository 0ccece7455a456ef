"""Questions of protocols that go through raw sockets: SCTP, for which there need be no stack, and
ICMP echo. A raw socket hears of everything between two addresses, so it is one question at a time
between two pods.
"""

import socket
from itertools import count

from netcore.packet.sctp import SctpHeader

NUMBERS = {"SCTP": (132, 132), "ICMP": (socket.IPPROTO_ICMP, socket.IPPROTO_ICMPV6)}
"""By name: over IPv4, over IPv6."""
_ECHO = {socket.AF_INET: (8, 0), socket.AF_INET6: (128, 129)}
_idents = count(1)


def opened(family: int, protocol: str) -> socket.socket:
    return socket.socket(family, socket.SOCK_RAW, NUMBERS[protocol][family == socket.AF_INET6])


def ask(asking: socket.socket, protocol: str, port: int) -> None:
    """No two questions are of one flow."""
    ident = 1024 + next(_idents) % 60000
    if protocol == "SCTP":
        asking.send(_sctp(ident, port))
        return
    message = bytes([_ECHO[asking.family][0], 0, 0, 0]) + ident.to_bytes(2, "big") + b"\0\1"
    if asking.family == socket.AF_INET:  # over IPv6 the kernel does that
        total = sum(int.from_bytes(message[at : at + 2], "big") for at in range(0, 8, 2))
        checksum = 0xFFFF - (total % 0xFFFF or 0xFFFF)
        message = message[:2] + checksum.to_bytes(2, "big") + message[4:]
    asking.send(message)


def is_answer(asking: socket.socket, protocol: str, port: int, received: bytes) -> bool:
    """Whether that is what was waited for."""
    packet = received
    if asking.family == socket.AF_INET:
        packet = received[(received[0] & 15) * 4 :]
    if protocol == "SCTP":
        return int.from_bytes(packet[:2], "big") == port
    return packet[0] == _ECHO[asking.family][1]


def answer_sctp(serving: socket.socket, ports: tuple[int, ...]) -> None:
    """An echo with the ports turned around."""
    received, client = serving.recvfrom(2000)
    if serving.family == socket.AF_INET:
        received = received[(received[0] & 15) * 4 :]
    source, target = int.from_bytes(received[:2], "big"), int.from_bytes(received[2:4], "big")
    if target in ports:
        serving.sendto(_sctp(target, source), (client[0], 0))


def _sctp(source: int, target: int) -> bytes:
    return SctpHeader(source, target, 0xCAFE).with_checksum(b"?").encode() + b"?"
