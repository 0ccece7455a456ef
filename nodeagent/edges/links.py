"""Addresses, routes and rules of the node's devices, through rtnetlink.

Everything here runs in the network namespace of the calling thread.
"""

import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from netcore.model.address import IpAddress, IpNetwork, format_mac
from netcore.model.errors import DatapathError

HOST_DEVICE = "kubehop0"
GSO_MAX_BYTES = 61_440
"""So large may a super-packet be that a device hands over: cut into segments, each with its own
headers, it still fits one send of at most 65,507 bytes.
"""
HOST_TABLE = 4789
"""The routing table whose only way leads into the host endpoint."""

_LOCAL_TABLE = 255
_MASQUERADED_PRIORITY = 10
_OWN_PORTS_PRIORITY = 11
_FRAGMENTS_PRIORITY = 12
_LOCAL_PRIORITY = 100
_IFF_NOARP = 0x80

_Rule = dict[str, object]


@dataclass(frozen=True, slots=True)
class HostLink:
    """What the node's own device towards the pods needs."""

    mac: bytes
    mtu_bytes: int
    gateways: tuple[IpAddress, ...]
    routed: tuple[IpNetwork, ...]
    underlay: IpAddress
    masquerade_ports: range


def configure_pod(
    device: str, mac: bytes, mtu_bytes: int, ips: Iterable[IpAddress], gateways: Iterable[IpAddress]
) -> None:
    """Bring up a pod's device: host addresses, on-link gateways, default routes."""
    with _translated("configure", device), IPRoute() as netlink:
        index = _index(netlink, device)
        netlink.link("set", index=index, address=format_mac(mac), mtu=mtu_bytes)
        _limit_super_packets(netlink, index)
        netlink.link("set", index=index, state="up")
        for ip in ips:
            _add_address(netlink, index, ip)
        for gateway in gateways:
            family = _family(gateway)
            host = f"{gateway}/{gateway.max_prefixlen}"
            netlink.route("replace", family=family, dst=host, oif=index, scope="link")
            netlink.route("replace", family=family, dst="default", gateway=str(gateway), oif=index)


def configure_host(link: HostLink) -> None:
    """Bring up the host endpoint and lead into it what the datapath has to see.

    Packets to masqueraded ports of the node have a local destination: a rule above the
    `local` table takes them to the datapath first. ICMP goes along, since its errors and echo
    replies carry no port, and so do fragments; what is not for a pod comes back unchanged.
    """
    with _translated("configure", HOST_DEVICE), IPRoute() as netlink:
        index = _index(netlink, HOST_DEVICE)
        netlink.link("set", index=index, address=format_mac(link.mac), mtu=link.mtu_bytes)
        _limit_super_packets(netlink, index)
        # Without ARP the kernel sends at once: there is only one neighbour, the datapath.
        netlink.link("set", index=index, flags=_IFF_NOARP, change=_IFF_NOARP)
        netlink.link("set", index=index, state="up")
        for gateway in link.gateways:
            _add_address(netlink, index, gateway)
        for network in link.routed:
            source = next((str(g) for g in link.gateways if g.version == network.version), None)
            netlink.route(
                "replace",
                family=_family(network),
                dst=str(network),
                oif=index,
                **({"prefsrc": source} if source else {}),
            )
        _lead_masqueraded(netlink, index, link)


def device_of(address: IpAddress) -> tuple[str, int]:
    """Name and MTU of the device that has this address. Raises DatapathError: none has."""
    with _translated("find device of", str(address)), IPRoute() as netlink:
        for entry in netlink.get_addr(family=_family(address)):
            if entry.get_attr("IFA_LOCAL", entry.get_attr("IFA_ADDRESS")) == str(address):
                link = netlink.get_links(entry["index"])[0]
                return link.get_attr("IFLA_IFNAME"), link.get_attr("IFLA_MTU")
    raise DatapathError("find device of", str(address), "no interface has this address")


def source_towards(address: IpAddress) -> IpAddress:
    """The node's own address that it uses to reach `address`. No packet is sent."""
    with socket.socket(_family(address), socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((str(address), 9))
        except OSError as error:
            raise DatapathError("find route to", str(address), str(error.strerror)) from error
        return type(address)(probe.getsockname()[0])


def _limit_super_packets(netlink: IPRoute, index: int) -> None:
    with suppress(NetlinkError):  # a kernel that cannot: larger ones are sent in two batches
        netlink.link("set", index=index, gso_max_size=GSO_MAX_BYTES)


def _lead_masqueraded(netlink: IPRoute, index: int, link: HostLink) -> None:
    underlay_device, _ = device_of(link.underlay)
    family = _family(link.underlay)
    netlink.route("replace", family=family, dst="default", oif=index, table=HOST_TABLE)
    common = {
        "family": family,
        "iifname": underlay_device,
        "dst": str(link.underlay),
        "dst_len": link.underlay.max_prefixlen,
    }
    for rule in _answer_rules(family, link.masquerade_ports):
        _ensure_rule(netlink, {**common, **rule})
    # The kernel's rule for local addresses stands at priority 0, before any other.
    _ensure_rule(netlink, {"family": family, "priority": _LOCAL_PRIORITY, "table": _LOCAL_TABLE})
    _delete_rule(netlink, {"family": family, "priority": 0, "table": _LOCAL_TABLE})


def _answer_rules(family: socket.AddressFamily, masquerade_ports: range) -> list[_Rule]:
    """Which of the packets to the node's address the datapath has to see first.

    A range of ports matches no fragment, not even a first one, and there is no rule that
    matches fragments alone (net/core/fib_rules.c, flow_dissector.c). So the node's own ports
    are taken out by a rule of their own, and what is then left of a protocol with ports are
    fragments. Ports 0 and 65535, which no range may have as its ends, go along with them.
    """
    first, last = masquerade_ports.start, masquerade_ports.stop - 1
    icmp = socket.IPPROTO_ICMP if family == socket.AF_INET else socket.IPPROTO_ICMPV6
    rules: list[_Rule] = [
        {"priority": _MASQUERADED_PRIORITY, "table": HOST_TABLE, "ip_proto": icmp}
    ]
    for protocol in (socket.IPPROTO_TCP, socket.IPPROTO_UDP, socket.IPPROTO_SCTP):
        masqueraded, own = f"{first}:{last}", f"1:{first - 1}"
        for priority, table, match in (
            (_MASQUERADED_PRIORITY, HOST_TABLE, {"dport_range": masqueraded}),
            (_OWN_PORTS_PRIORITY, _LOCAL_TABLE, {"dport_range": own}),
            (_FRAGMENTS_PRIORITY, HOST_TABLE, {}),
        ):
            rules.append({"priority": priority, "table": table, "ip_proto": protocol, **match})
    return rules


def _ensure_rule(netlink: IPRoute, rule: _Rule) -> None:
    try:
        netlink.rule("add", **rule)
    except NetlinkError as error:
        if error.code != 17:  # EEXIST: an earlier agent of this node made it
            raise


def _delete_rule(netlink: IPRoute, rule: _Rule) -> None:
    try:
        netlink.rule("del", **rule)
    except NetlinkError as error:
        if error.code != 2:  # ENOENT
            raise


def _add_address(netlink: IPRoute, index: int, ip: IpAddress) -> None:
    extra = {"flags": 0x02} if ip.version == 6 else {}  # IFA_F_NODAD: the allocator is the judge
    netlink.addr("replace", index=index, address=str(ip), prefixlen=ip.max_prefixlen, **extra)


def _index(netlink: IPRoute, device: str) -> int:
    found = netlink.link_lookup(ifname=device)
    if not found:
        raise DatapathError("find", device, "no such device in this namespace")
    return int(found[0])


def _family(address: IpAddress | IpNetwork) -> socket.AddressFamily:
    return socket.AF_INET if address.version == 4 else socket.AF_INET6


class _translated:
    """Turn netlink's and the kernel's errors into DatapathError(operation, target)."""

    def __init__(self, operation: str, target: str) -> None:
        self._operation, self._target = operation, target

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, NetlinkError | OSError):
            raise DatapathError(self._operation, self._target, str(error)) from error
