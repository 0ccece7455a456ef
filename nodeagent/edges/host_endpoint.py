"""The node's own device towards the datapath, and what its kernel leads into it.

Everything here runs in the network namespace of the calling thread.
"""

import errno
import logging
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from netcore.model.address import IpAddress, IpNetwork, format_mac, parse_address
from netcore.model.errors import DatapathError
from netcore.model.host_plan import HostPlan
from nodeagent.edges.links import (
    add_address,
    device_of,
    family_of,
    index_of,
    limit_super_packets,
    translated,
)
from nodeagent.edges.sysctl import ensure

log = logging.getLogger(__name__)

HOST_DEVICE = "kubehop0"
HOST_TABLE = 4789
"""The routing table whose only way leads into the host endpoint."""

_LOCAL_TABLE = 255
_PLANNED_PRIORITY = 9
_ANSWERS_PRIORITY = 10
_OWN_PORTS_PRIORITY = 11
_FRAGMENTS_PRIORITY = 12
_LOCAL_PRIORITY = 100
_IFF_NOARP = 0x80
_PLANNED_PROTOCOL = 89
"""What marks the routes of a plan as ours (rtm_protocol; 89 is nobody's in iproute2)."""

_WITH_PORTS = (socket.IPPROTO_TCP, socket.IPPROTO_UDP, socket.IPPROTO_SCTP)
_LOOPBACKS = (parse_address("127.0.0.1"),)
_Rule = dict[str, object]


@dataclass(frozen=True, slots=True)
class _PortRule:
    """What comes to this port by that device goes to the datapath."""

    address: IpAddress
    device: str
    protocol: int
    port: int

    def as_netlink(self) -> _Rule:
        return {
            "family": family_of(self.address),
            "dst": str(self.address),
            "dst_len": self.address.max_prefixlen,
            "iifname": self.device,
            **_ports(_PLANNED_PRIORITY, HOST_TABLE, self.protocol, range(self.port, self.port + 1)),
        }


@dataclass(frozen=True, slots=True)
class HostLink:
    """What the device needs, whatever the snapshot says. `underlay`: the node's own addresses,
    one of each family at most.
    """

    mac: bytes
    mtu_bytes: int
    gateways: tuple[IpAddress, ...]
    routed: tuple[IpNetwork, ...]
    underlay: tuple[IpAddress, ...]
    masquerade_ports: range
    node_ports: range


class HostEndpoint:
    """The device, once it is there."""

    def __init__(self, link: HostLink) -> None:
        """Bring the device up and lead into it what the datapath always has to see.

        Packets to masqueraded ports and node ports of the node have a local destination: a rule
        above the `local` table takes them to the datapath first. ICMP of IPv4 goes along, since
        its errors and echo replies carry no port, and so do fragments; what is not for a pod comes
        back unchanged. Raises DatapathError.
        """
        with translated("configure", HOST_DEVICE), IPRoute() as netlink:
            index = index_of(netlink, HOST_DEVICE)
            _bring_up(netlink, index, link)
            for address in link.underlay:
                _lead_in(netlink, index, link, address)
        self._link = link
        self._has_loopback = _accept_loopback()

    def apply(self, plan: HostPlan) -> None:
        """Lead in what `plan` says and nothing of an earlier one, whatever the kernel has.

        Raises DatapathError; then only a part of it may be done.
        """
        # pyroute2 runs an event loop of its own, which the caller's thread may have, too.
        with ThreadPoolExecutor(1, "host-endpoint") as thread:
            thread.submit(self._apply, plan).result()

    def _apply(self, plan: HostPlan) -> None:
        with translated("route", HOST_DEVICE), IPRoute() as netlink:
            _route_addresses(netlink, plan)
            self._lead_in_ports(netlink, plan)

    def _lead_in_ports(self, netlink: IPRoute, plan: HostPlan) -> None:
        wanted = {
            rule
            for address, protocol, port in plan.ports
            for rule in self._rules_of(address, protocol, port)
        }
        present = set(_planned_rules(netlink))
        for rule in wanted - present:
            _ensure_rule(netlink, rule.as_netlink())
        for rule in present - wanted:
            _delete_rule(netlink, rule.as_netlink())

    def _rules_of(self, address: IpAddress | None, protocol: int, port: int) -> Iterator[_PortRule]:
        own = (*self._link.underlay, *_LOOPBACKS) if address is None else (address,)
        for each in own:
            if each in self._link.underlay:
                yield _PortRule(each, device_of(each)[0], protocol, port)
            if each in self._link.underlay or (each.is_loopback and self._has_loopback):
                yield _PortRule(each, "lo", protocol, port)


def _accept_loopback() -> bool:
    """Let the device carry loopback addresses, which only the node itself sends; false where
    that is not allowed (a container's /proc/sys is read-only).
    """
    try:
        ensure({f"ipv4/conf/{HOST_DEVICE}/route_localnet": "1"})
    except DatapathError as error:
        log.warning("host ports are not reached at 127.0.0.1: %s", error)
        return False
    return True


def _route_addresses(netlink: IPRoute, plan: HostPlan) -> None:
    index = index_of(netlink, HOST_DEVICE)
    present = frozenset(_planned(netlink, index))
    for address in plan.addresses - present:
        _route(netlink, "replace", index, address)
    for address in present - plan.addresses:
        _route(netlink, "del", index, address)


def _planned(netlink: IPRoute, index: int) -> Iterator[IpAddress]:
    """What earlier plans have led in, also those of an agent that is gone."""
    for family in (socket.AF_INET, socket.AF_INET6):
        for route in netlink.get_routes(family=family, proto=_PLANNED_PROTOCOL, oif=index):
            if route["proto"] == _PLANNED_PROTOCOL:
                yield parse_address(route.get_attr("RTA_DST"))


def _planned_rules(netlink: IPRoute) -> Iterator[_PortRule]:
    """What earlier plans have led in, also those of an agent that is gone."""
    for family in (socket.AF_INET, socket.AF_INET6):
        for rule in netlink.get_rules(family=family):
            if rule.get_attr("FRA_PRIORITY") == _PLANNED_PRIORITY:
                yield _PortRule(
                    parse_address(rule.get_attr("FRA_DST")),
                    rule.get_attr("FRA_IIFNAME"),
                    rule.get_attr("FRA_IP_PROTO"),
                    int(rule.get_attr("FRA_DPORT_RANGE").partition(":")[0]),
                )


def _route(netlink: IPRoute, command: str, index: int, address: IpAddress) -> None:
    netlink.route(
        command,
        family=family_of(address),
        dst=f"{address}/{address.max_prefixlen}",
        oif=index,
        proto=_PLANNED_PROTOCOL,
    )


def _bring_up(netlink: IPRoute, index: int, link: HostLink) -> None:
    netlink.link("set", index=index, address=format_mac(link.mac), mtu=link.mtu_bytes)
    limit_super_packets(netlink, index)
    # Without ARP the kernel sends at once: there is only one neighbour, the datapath.
    netlink.link("set", index=index, flags=_IFF_NOARP, change=_IFF_NOARP)
    netlink.link("set", index=index, state="up")
    for gateway in link.gateways:
        add_address(netlink, index, gateway)
    for network in link.routed:
        source = next((str(g) for g in link.gateways if g.version == network.version), None)
        netlink.route(
            "replace",
            family=family_of(network),
            dst=str(network),
            oif=index,
            **({"prefsrc": source} if source else {}),
        )


def _lead_in(netlink: IPRoute, index: int, link: HostLink, underlay: IpAddress) -> None:
    underlay_device, _ = device_of(underlay)
    family = family_of(underlay)
    netlink.route("replace", family=family, dst="default", oif=index, table=HOST_TABLE)
    common = {
        "family": family,
        "dst": str(underlay),
        "dst_len": underlay.max_prefixlen,
    }
    for rule in _rules_for_others(family, link):
        _ensure_rule(netlink, {**common, "iifname": underlay_device, **rule})
    for rule in _rules_for_the_node(link):
        _ensure_rule(netlink, {**common, "iifname": "lo", **rule})
    # The kernel's rule for local addresses stands at priority 0, before any other.
    _ensure_rule(netlink, {"family": family, "priority": _LOCAL_PRIORITY, "table": _LOCAL_TABLE})
    _delete_rule(netlink, {"family": family, "priority": 0, "table": _LOCAL_TABLE})


def _rules_for_others(family: socket.AddressFamily, link: HostLink) -> Iterator[_Rule]:
    """Which of the packets that come in the datapath has to see first.

    A range of ports matches no fragment, not even a first one, and there is no rule that
    matches fragments alone (net/core/fib_rules.c, flow_dissector.c). So the node's own ports
    are taken out by a rule of their own, and what is then left of a protocol with ports are
    fragments. Ports 0 and 65535, which no range may have as its ends, go along with them.
    """
    if family == socket.AF_INET:  # ICMPv6 has neighbour discovery in it: see icmpv6_socket
        icmp = socket.IPPROTO_ICMP
        yield {"priority": _ANSWERS_PRIORITY, "table": HOST_TABLE, "ip_proto": icmp}
    own = range(1, link.masquerade_ports.start)
    for protocol in _WITH_PORTS:
        yield _ports(_ANSWERS_PRIORITY, HOST_TABLE, protocol, link.masquerade_ports)
        yield _ports(_ANSWERS_PRIORITY, HOST_TABLE, protocol, link.node_ports)
        yield _ports(_OWN_PORTS_PRIORITY, _LOCAL_TABLE, protocol, own)
        yield {"priority": _FRAGMENTS_PRIORITY, "table": HOST_TABLE, "ip_proto": protocol}


def _rules_for_the_node(link: HostLink) -> Iterator[_Rule]:
    """The node itself comes to a node port by its own address, too, and what it answers as an
    endpoint of a Service (hostNetwork) goes back to a masqueraded port.
    """
    for protocol in _WITH_PORTS:
        yield _ports(_ANSWERS_PRIORITY, HOST_TABLE, protocol, link.masquerade_ports)
        yield _ports(_ANSWERS_PRIORITY, HOST_TABLE, protocol, link.node_ports)


def _ports(priority: int, table: int, protocol: int, ports: range) -> _Rule:
    matched = f"{ports.start}:{ports.stop - 1}"
    return {"priority": priority, "table": table, "ip_proto": protocol, "dport_range": matched}


def _ensure_rule(netlink: IPRoute, rule: _Rule) -> None:
    try:
        netlink.rule("add", **rule)
    except NetlinkError as error:
        if error.code != errno.EEXIST:  # an earlier agent of this node made it
            raise


def _delete_rule(netlink: IPRoute, rule: _Rule) -> None:
    try:
        netlink.rule("del", **rule)
    except NetlinkError as error:
        if error.code != errno.ENOENT:
            raise
