"""`connect HOST:PORT`: exit 0 when it connects, else 1 and TIMEOUT, REFUSED, DNS or OTHER."""

import re
import socket
import sys
from collections.abc import Sequence
from typing import Final

from nodeagent.workloads.flags import UsageError, parse_flags

_UNITS_S: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "us": 1e-6, "ns": 1e-9}


def parse_duration(text: str) -> float:
    """Seconds of a Go duration such as `1m30s` or `500ms`. Raises UsageError."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)", text)
    if text == "0":
        return 0.0
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise UsageError(f'invalid duration "{text}": write for example 500ms, 2s or 1m30s')
    return sum(float(number) * _UNITS_S[unit] for number, unit in parts)


def split_address(address: str) -> tuple[str, int]:
    """Host and port of `host:port` or `[v6]:port`. Raises UsageError."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise UsageError(f'"{address}" is not HOST:PORT')
    return host.removeprefix("[").removesuffix("]"), int(port)


def main(args: Sequence[str]) -> int:
    defaults: dict[str, str | int | bool] = {
        "timeout": "0",
        "protocol": "tcp",
        "udp-data": "hello",
        "sctp": False,
    }
    flags, rest = parse_flags(args, defaults)
    if len(rest) != 1:
        raise UsageError("connect needs exactly one HOST:PORT")
    host, port = split_address(rest[0])
    protocol = "sctp" if flags["sctp"] else str(flags["protocol"])
    if protocol not in ("tcp", "udp", "sctp"):
        raise UsageError(f'protocol "{protocol}" is none of tcp, udp, sctp')
    timeout_s = parse_duration(str(flags["timeout"])) or None
    try:
        connect(host, port, protocol, timeout_s, str(flags["udp-data"]).encode())
    except TimeoutError:
        print("TIMEOUT", file=sys.stderr)
    except ConnectionRefusedError:
        print("REFUSED", file=sys.stderr)
    except socket.gaierror as error:
        print(f"DNS: {error.strerror}", file=sys.stderr)
    except OSError as error:
        print(f"OTHER: {error.strerror or error}", file=sys.stderr)
    else:
        return 0
    return 1


def connect(host: str, port: int, protocol: str, timeout_s: float | None, data: bytes) -> None:
    """Connect (udp: send `data` and wait for an answer) and close. Raises OSError."""
    kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
    number = socket.IPPROTO_SCTP if protocol == "sctp" else 0
    lookup = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
    family, _kind, _number, _name, address = socket.getaddrinfo(host, port, type=lookup)[0]
    with socket.socket(family, kind, number) as sock:
        sock.settimeout(timeout_s)
        sock.connect(address)
        if protocol == "udp":
            sock.send(data)
            sock.recv(65535)
