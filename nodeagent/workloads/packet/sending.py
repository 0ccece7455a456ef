"""Sends one TCP SYN, UDP datagram or ICMP echo request and says what came back."""

from __future__ import annotations

import errno
import os
import select
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from nodeagent.workloads.packet.echo_socket import EchoSocket
from nodeagent.workloads.packet.socket_errors import keep_errors, next_error

if TYPE_CHECKING:
    from collections.abc import Callable

    Announce = Callable[["Sent"], None]

UDP_WAIT_S: Final = 2.0
"""UDP promises no answer: whoever has none after this has most likely nothing to say."""
_TCP_SYNCNT: Final = 1
_UNREACHABLE: Final = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.EPROTO)


@dataclass(frozen=True, slots=True)
class Sent:
    """The ends of the packet. ICMP has its identifier in both ports."""

    protocol: str
    source: str
    source_port: int
    destination: str
    destination_port: int
    time_unix_ns: int


@dataclass(frozen=True, slots=True)
class Reply:
    """`outcome`: "answered", "refused", "unreachable", "silence" or "failed" (nothing was sent).

    `text` says what it was, `sender` who sent it where that is known.
    """

    outcome: str
    text: str
    sender: str
    ms: float


def send(
    protocol: str, address: str, port: int, payload: bytes, timeout_s: float, announce: Announce
) -> Reply:
    """Sends the packet, after `announce` was told its ends, and waits for what comes back."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    started = time.monotonic()
    try:
        if protocol == "TCP":
            outcome, text, sender = _send_tcp(family, address, port, timeout_s, announce)
        elif protocol == "UDP":
            outcome, text, sender = _send_udp(family, address, port, payload, timeout_s, announce)
        else:
            outcome, text, sender = _send_echo(family, address, payload, timeout_s, announce)
    except OSError as error:
        outcome, text, sender = "failed", f"nothing was sent: {_reason(error)}", ""
    return Reply(outcome, text, sender, (time.monotonic() - started) * 1000)


_Ending = tuple[str, str, str]


def _send_tcp(
    family: socket.AddressFamily, address: str, port: int, timeout_s: float, announce: Announce
) -> _Ending:
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, _TCP_SYNCNT)
        source_port = _reserve_port(sock, family, address)
        announce(_sent("TCP", _source_to(family, address), source_port, address, port))
        sock.settimeout(timeout_s)
        try:
            sock.connect((address, port))
        except TimeoutError:
            return "silence", f"no answer within {timeout_s:.3g} s", ""
        except ConnectionRefusedError:
            return "refused", "connection refused", ""
        except OSError as error:
            if error.errno in _UNREACHABLE:
                return "unreachable", _reason(error), ""
            raise
        return "answered", "SYN-ACK", address


def _send_udp(
    family: socket.AddressFamily,
    address: str,
    port: int,
    payload: bytes,
    timeout_s: float,
    announce: Announce,
) -> _Ending:
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        keep_errors(sock)
        sock.connect((address, port))
        source, source_port = sock.getsockname()[:2]
        announce(_sent("UDP", source, source_port, address, port))
        sock.send(payload)
        ending = _wait(sock, min(timeout_s, UDP_WAIT_S), lambda: bool(sock.recv(65535)) or True)
        return ending or ("answered", "a datagram", address)


def _send_echo(
    family: socket.AddressFamily,
    address: str,
    payload: bytes,
    timeout_s: float,
    announce: Announce,
) -> _Ending:
    echo = EchoSocket(family, address)
    with echo.sock as sock:
        keep_errors(sock)
        protocol = "ICMP" if family == socket.AF_INET else "ICMPv6"
        ends = echo.identifier, address, echo.identifier
        announce(_sent(protocol, sock.getsockname()[0], *ends))
        echo.send(payload)
        ending = _wait(sock, timeout_s, echo.receive)
        return ending or ("answered", "echo reply", address)


def _wait(sock: socket.socket, timeout_s: float, receive: Callable[[], bool]) -> _Ending | None:
    """None when `receive` has got the answer, else how it ended without one."""
    deadline = time.monotonic() + timeout_s
    sock.setblocking(False)
    poll = select.poll()
    poll.register(sock, select.POLLIN | select.POLLERR)
    while (left_s := deadline - time.monotonic()) > 0:
        if not poll.poll(left_s * 1000):
            continue
        found = next_error(sock)
        if found is not None:
            refused = found.text in ("port unreachable", "protocol unreachable")
            return "refused" if refused else "unreachable", f"ICMP {found.text}", found.sender
        try:
            if receive():
                return None
        except BlockingIOError:
            continue
        except ConnectionRefusedError:
            return "refused", "ICMP port unreachable", ""
        except OSError as error:
            return "unreachable", _reason(error), ""
    return "silence", f"no answer within {timeout_s:.3g} s", ""


def _reserve_port(sock: socket.socket, family: socket.AddressFamily, address: str) -> int:
    """A source port that nobody else has while this socket is open: the trace's mark."""
    sock.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", 0))
    return int(sock.getsockname()[1])


def _source_to(family: socket.AddressFamily, address: str) -> str:
    """The address that the kernel will send from. Raises OSError: there is no route."""
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.connect((address, 9))
        return str(sock.getsockname()[0])


def _sent(protocol: str, source: str, source_port: int, address: str, port: int) -> Sent:
    return Sent(protocol, source, source_port, address, port, time.time_ns())


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)
