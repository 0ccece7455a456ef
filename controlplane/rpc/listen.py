"""Where the gRPC service listens, as flags name it."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal

from netcore.model.address import authority
from netcore.model.errors import ConfigError

_UNIX = "unix:"
_MAX_UNIX_PATH_BYTES = 107  # sun_path of unix(7), less the closing NUL


@dataclass(frozen=True, slots=True)
class ListenAddr:
    """`target` is what gRPC calls the address: `IP:PORT`, `[IPv6]:PORT` or `unix:path`."""

    kind: Literal["tcp", "unix"]
    target: str


def parse_listen(text: str, flag: str = "--rpc-listen") -> ListenAddr:
    """`IP:PORT` (port 0 asks for any) or `unix:PATH`; a relative path starts in the working
    directory, which helps where the whole would be too long.

    Raises ConfigError naming the flag and what is expected.
    """
    if text.startswith(_UNIX):
        return _unix(text, flag)
    if text.startswith("fd://"):
        raise ConfigError(f"{flag} {text}: gRPC cannot serve an inherited socket: use unix:/PATH")
    host, colon, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise ConfigError(f"{flag} {text}: expected IP:PORT or unix:/PATH")
    try:
        address = ip_address(bare)
    except ValueError as error:
        raise ConfigError(f"{flag} {text}: {bare!r} is not an IP address") from error
    return ListenAddr("tcp", authority(address, int(port)))


def _unix(text: str, flag: str) -> ListenAddr:
    path = text.removeprefix(_UNIX).removeprefix("//")
    if not path:
        raise ConfigError(f"{flag} {text}: expected unix:PATH")
    if len(path.encode()) > _MAX_UNIX_PATH_BYTES:
        raise ConfigError(
            f"{flag} {text}: longer than {_MAX_UNIX_PATH_BYTES} bytes: use a shorter path"
        )
    return ListenAddr("unix", f"{_UNIX}{path}")
