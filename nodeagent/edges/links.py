"""Addresses and routes of devices, through rtnetlink.

Everything here runs in the network namespace of the calling thread.
"""

import socket
from collections.abc import Iterable
from contextlib import suppress

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from netcore.model.address import IpAddress, IpNetwork, format_mac, parse_address
from netcore.model.errors import DatapathError

_RT_SCOPE_UNIVERSE = 0
GSO_MAX_BYTES = 61_440
"""So large may a super-packet be that a device hands over: cut into segments, each with its own
headers, it still fits one send of at most 65,507 bytes.
"""


def configure_pod(
    device: str, mac: bytes, mtu_bytes: int, ips: Iterable[IpAddress], gateways: Iterable[IpAddress]
) -> None:
    """Bring up a pod's device: host addresses, on-link gateways, default routes."""
    with translated("configure", device), IPRoute() as netlink:
        index = index_of(netlink, device)
        netlink.link("set", index=index, address=format_mac(mac), mtu=mtu_bytes)
        limit_super_packets(netlink, index)
        netlink.link("set", index=index, state="up")
        for ip in ips:
            add_address(netlink, index, ip)
        for gateway in gateways:
            family = family_of(gateway)
            host = f"{gateway}/{gateway.max_prefixlen}"
            netlink.route("replace", family=family, dst=host, oif=index, scope="link")
            netlink.route("replace", family=family, dst="default", gateway=str(gateway), oif=index)


def device_of(address: IpAddress) -> tuple[str, int]:
    """Name and MTU of the device that has this address. Raises DatapathError: none has."""
    with translated("find device of", str(address)), IPRoute() as netlink:
        for entry in netlink.get_addr(family=family_of(address)):
            if entry.get_attr("IFA_LOCAL", entry.get_attr("IFA_ADDRESS")) == str(address):
                link = netlink.get_links(entry["index"])[0]
                return link.get_attr("IFLA_IFNAME"), link.get_attr("IFLA_MTU")
    raise DatapathError("find device of", str(address), "no interface has this address")


def source_towards(address: IpAddress) -> IpAddress:
    """The node's own address that it uses to reach `address`. No packet is sent."""
    with socket.socket(family_of(address), socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((str(address), 9))
        except OSError as error:
            raise DatapathError("find route to", str(address), str(error.strerror)) from error
        return type(address)(probe.getsockname()[0])


def with_other_family(address: IpAddress) -> tuple[IpAddress, ...]:
    """The address, and the first global one of the other family on the same device, if any."""
    with translated("find device of", str(address)), IPRoute() as netlink:
        name, _ = device_of(address)
        other = socket.AF_INET6 if address.version == 4 else socket.AF_INET
        for entry in netlink.get_addr(family=other, index=index_of(netlink, name)):
            if entry["scope"] == _RT_SCOPE_UNIVERSE:
                found = entry.get_attr("IFA_LOCAL", entry.get_attr("IFA_ADDRESS"))
                return (address, parse_address(found))
    return (address,)


def limit_super_packets(netlink: IPRoute, index: int) -> None:
    """Bound what a device hands over to GSO_MAX_BYTES."""
    with suppress(NetlinkError):  # a kernel that cannot: larger ones are sent in two batches
        netlink.link("set", index=index, gso_max_size=GSO_MAX_BYTES)


def add_address(netlink: IPRoute, index: int, ip: IpAddress) -> None:
    """Give a device a host address."""
    extra = {"flags": 0x02} if ip.version == 6 else {}  # IFA_F_NODAD: the allocator is the judge
    netlink.addr("replace", index=index, address=str(ip), prefixlen=ip.max_prefixlen, **extra)


def index_of(netlink: IPRoute, device: str) -> int:
    """The number of a device. Raises DatapathError when there is none of that name."""
    found = netlink.link_lookup(ifname=device)
    if not found:
        raise DatapathError("find", device, "no such device in this namespace")
    return int(found[0])


def family_of(address: IpAddress | IpNetwork) -> socket.AddressFamily:
    """AF_INET or AF_INET6."""
    return socket.AF_INET if address.version == 4 else socket.AF_INET6


class translated:
    """Turn netlink's and the kernel's errors into DatapathError(operation, target)."""

    def __init__(self, operation: str, target: str) -> None:
        self._operation, self._target = operation, target

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, NetlinkError | OSError):
            raise DatapathError(self._operation, self._target, str(error)) from error
