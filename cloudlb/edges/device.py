"""The device towards the cluster: its addresses, what the kernel must not answer, a route.

Everything here runs in the network namespace of the calling thread, which must not run an event
loop: pyroute2 has one of its own.
"""

import errno
import socket
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_network
from pathlib import Path

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from netcore.model.address import IpAddress, IpNetwork, parse_address
from netcore.model.errors import DatapathError

Port = tuple[IpAddress, int, int]
"""(address, protocol number, port)"""

_LOCAL_TABLE = 255
_SILENT_PRIORITY = 5
_LOCAL_PRIORITY = 100
_ROUTE_PROTOCOL = 89
_IFA_F_NODAD = 0x02
_FOR_EVER = 0xFFFFFFFF
_RT_SCOPE_UNIVERSE = 0
_FORWARDING = {4: "net/ipv4/ip_forward", 6: "net/ipv6/conf/all/forwarding"}


class Device:
    """The device that has the address `own`. Raises DatapathError, as every method does."""

    def __init__(self, own: IpAddress) -> None:
        with _translated("find device of", str(own)), IPRoute() as netlink:
            self.name, self._index = _device_of(netlink, own)
            found = [own]
            networks = []
            for entry in netlink.get_addr(index=self._index):
                text = entry.get_attr("IFA_LOCAL", entry.get_attr("IFA_ADDRESS"))
                address = parse_address(text)
                if (
                    entry["scope"] == _RT_SCOPE_UNIVERSE
                    and entry["prefixlen"] < address.max_prefixlen
                ):
                    networks.append((address, entry["prefixlen"]))
        found += [ip for ip, _ in networks if ip.version != own.version][:1]
        self.own = tuple(found)
        """Its address of each family, that of the cluster's primary one first."""
        self._prefixes = {ip: prefix for ip, prefix in networks}
        for address in self.own:
            _forbid_forwarding(address.version)

    def network(self, version: int) -> IpNetwork | None:
        """The network of its own address of that IP version."""
        for ip in self.own:
            if ip.version == version and ip in self._prefixes:
                return ip_network(f"{ip}/{self._prefixes[ip]}", strict=False)
        return None

    def have(self, wanted: Collection[IpAddress], is_ours: Callable[[IpAddress], bool]) -> None:
        """Have these beside its own addresses, and no others for which `is_ours` holds."""
        with _translated("give addresses to", self.name), IPRoute() as netlink:
            present = set()
            for entry in netlink.get_addr(index=self._index):
                text = entry.get_attr("IFA_LOCAL", entry.get_attr("IFA_ADDRESS"))
                present.add(parse_address(text))
            for address in set(wanted) - present:
                self._change_address(netlink, "add", address)
            for address in present - set(wanted) - set(self.own):
                if is_ours(address):
                    self._change_address(netlink, "del", address)

    def ignore(self, ports: Iterable[Port]) -> None:
        """The kernel does not answer at these ports of its own addresses, and at no fewer others:
        somebody else does.
        """
        wanted = set(ports)
        with _translated("ignore ports of", self.name), IPRoute() as netlink:
            if wanted:
                for version in {address.version for address, _, _ in wanted}:
                    _put_behind_ours(netlink, version)
            present = set(_ignored(netlink))
            for port in wanted - present:
                netlink.rule("add", **_rule(port))
            for port in present - wanted:
                netlink.rule("del", **_rule(port))

    def route(self, networks: Iterable[IpNetwork], gateways: Collection[IpAddress]) -> None:
        """Reach these networks through the first gateway of their family, if there is one."""
        with _translated("route through", self.name), IPRoute() as netlink:
            for network in networks:
                via = next((ip for ip in gateways if ip.version == network.version), None)
                common = {
                    "family": _family(network.version),
                    "dst": str(network),
                    "proto": _ROUTE_PROTOCOL,
                }
                if via is not None:
                    netlink.route("replace", gateway=str(via), oif=self._index, **common)
                else:
                    with suppress(NetlinkError):  # there was none
                        netlink.route("del", **common)

    def _change_address(self, netlink: IPRoute, command: str, address: IpAddress) -> None:
        extra: dict[str, int] = {}
        if address.version == 6 and command == "add":
            # Deprecated: nothing is called from it unless that is asked for (RFC 6724).
            extra = {"flags": _IFA_F_NODAD, "preferred_lft": 0, "valid_lft": _FOR_EVER}
        netlink.addr(
            command,
            index=self._index,
            address=str(address),
            prefixlen=address.max_prefixlen,
            **extra,
        )


def _device_of(netlink: IPRoute, address: IpAddress) -> tuple[str, int]:
    for entry in netlink.get_addr(family=_family(address.version)):
        if entry.get_attr("IFA_LOCAL", entry.get_attr("IFA_ADDRESS")) == str(address):
            index = entry["index"]
            return netlink.get_links(index)[0].get_attr("IFLA_IFNAME"), index
    raise DatapathError("find device of", str(address), "no interface has this address")


def _put_behind_ours(netlink: IPRoute, version: int) -> None:
    """The rule for local addresses stands at priority 0, before any other: put it behind."""
    common = {"family": _family(version), "table": _LOCAL_TABLE}
    for command, priority, harmless in (
        ("add", _LOCAL_PRIORITY, errno.EEXIST),
        ("del", 0, errno.ENOENT),
    ):
        try:
            netlink.rule(command, priority=priority, **common)
        except NetlinkError as error:
            if error.code != harmless:
                raise


def _rule(port: Port) -> dict[str, object]:
    address, protocol, number = port
    return {
        "family": _family(address.version),
        "priority": _SILENT_PRIORITY,
        "dst": str(address),
        "dst_len": address.max_prefixlen,
        "ip_proto": protocol,
        "dport_range": f"{number}:{number}",
        "action": "FR_ACT_BLACKHOLE",
    }


def _ignored(netlink: IPRoute) -> Iterator[Port]:
    for family in (socket.AF_INET, socket.AF_INET6):
        for rule in netlink.get_rules(family=family):
            if rule.get_attr("FRA_PRIORITY") == _SILENT_PRIORITY:
                yield (
                    parse_address(rule.get_attr("FRA_DST")),
                    rule.get_attr("FRA_IP_PROTO"),
                    int(rule.get_attr("FRA_DPORT_RANGE").partition(":")[0]),
                )


def _forbid_forwarding(version: int) -> None:
    """A kernel that forwards would send on what comes for the balancers' addresses, too."""
    path = Path("/proc/sys", _FORWARDING[version])
    try:
        if path.read_text().strip() != "0":
            path.write_text("0")
    except OSError as error:
        name = _FORWARDING[version].replace("/", ".")
        raise DatapathError(
            "set", f"{name}=0", f"{error.strerror}; start this container with the sysctl {name}=0"
        ) from error


def _family(version: int) -> socket.AddressFamily:
    return socket.AF_INET if version == 4 else socket.AF_INET6


@contextmanager
def _translated(operation: str, target: str) -> Iterator[None]:
    try:
        yield
    except (NetlinkError, OSError) as error:
        raise DatapathError(operation, target, str(error)) from error
