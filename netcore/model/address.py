"""IP addresses in two forms: text for people and objects, packed bytes for packets.

Packed addresses are network byte order, 4 bytes (IPv4) or 16 (IPv6); the length tells the
family. They hash and compare at C speed, which is why every table of the packet path has them.
"""

from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from netcore.model.errors import ConfigError

IpAddress = IPv4Address | IPv6Address
IpNetwork = IPv4Network | IPv6Network

IPV4_BYTES = 4
IPV6_BYTES = 16


def packed(text: str) -> bytes:
    """The packed form of a textual address. Raises ConfigError when it is not one."""
    return parse_address(text).packed


@lru_cache(maxsize=4096)
def text(packed_address: bytes) -> str:
    """The textual form (RFC 5952 for IPv6) of 4 or 16 packed bytes."""
    return str(ip_address(packed_address))


def authority(host: str | bytes | IpAddress, port: int) -> str:
    """`host:port` as in a URL (RFC 3986 section 3.2): an IPv6 address is in brackets.

    Bytes are a packed address.
    """
    name = text(host) if isinstance(host, bytes) else str(host)
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"


def parse_address(value: str) -> IpAddress:
    """The address that `value` spells. Raises ConfigError naming the value."""
    try:
        return ip_address(value)
    except ValueError as error:
        raise ConfigError(f"{value!r} is not an IP address") from error


def parse_network(value: str) -> IpNetwork:
    """The CIDR that `value` spells; host bits must be zero. Raises ConfigError."""
    try:
        return ip_network(value)
    except ValueError as error:
        raise ConfigError(f"{value!r} is not a CIDR: {error}") from error


_LOOPBACK6 = bytes(15) + b"\x01"


def is_loopback(packed_address: bytes) -> bool:
    """127.0.0.0/8 or ::1 (RFC 1122 section 3.2.1.3, RFC 4291 section 2.5.3)."""
    is_v4 = len(packed_address) == IPV4_BYTES
    return packed_address[0] == 127 if is_v4 else packed_address == _LOOPBACK6


def contains(network: IpNetwork, packed_address: bytes) -> bool:
    """Whether the network has this packed address; never one of the other family."""
    if len(packed_address) * 8 != network.max_prefixlen:
        return False
    prefix = int.from_bytes(packed_address, "big") & int(network.netmask)
    return prefix == int(network.network_address)


def parse_mac(value: str) -> bytes:
    """The 6 bytes of a colon-separated MAC address. Raises ConfigError."""
    parts = value.split(":")
    try:
        mac = bytes(int(part, 16) for part in parts)
    except ValueError as error:
        raise ConfigError(f"{value!r} is not a MAC address") from error
    if len(mac) != 6:
        raise ConfigError(f"{value!r} is not a MAC address")
    return mac


def format_mac(mac: bytes) -> str:
    """Lower-case, colon-separated."""
    return mac.hex(":")
