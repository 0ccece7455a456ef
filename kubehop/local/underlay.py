"""The network below the nodes: a bridge in a namespace of its own, one veth pair per node."""

import os
import socket
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address

from pyroute2 import IPRoute

from kubehop.local.netns import new_netns, run_in_netns
from kubehop.local.spec import (
    CONTROL_PLANE_ADDRESS,
    DNS_ADDRESS,
    HOST_ADDRESS,
    IPV6_UNDERLAY,
    UNDERLAY,
    UNDERLAY_MTU,
    ipv6_twin,
)
from netcore.model.address import IpAddress

BRIDGE = "underlay"
_DEVICE = "eth0"
_IFA_F_NODAD = 0x02

_NODE_SYSCTLS = {
    "net/ipv4/ip_forward": "1",
    "net/ipv4/ip_early_demux": "0",
    "net/ipv4/conf/all/accept_local": "1",
    "net/ipv4/conf/default/accept_local": "1",
    "net/ipv4/conf/all/send_redirects": "0",
    "net/ipv4/conf/default/send_redirects": "0",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    "net/ipv6/conf/all/forwarding": "1",
}
"""What a node's kernel must allow for the agent's datapath. Compose sets the same."""

_MACHINE_SYSCTLS = {"net/ipv4/ip_forward": "0"}


_IPV6_ENABLED = ("net/ipv6/conf/all/disable_ipv6", "0")
"""Namespaces may begin as the machine's own network is set (net.core.devconf_inherit_init_net)."""

_DNS_METRICS_PORT = 9153


class Underlay:
    """Lives as long as this object's descriptors are open; needs no clean-up."""

    def __init__(self, *, has_ipv6: bool = False) -> None:
        """A bridge with the addresses of the host, the control plane and the DNS server; with IPv6,
        each has an address of either family. Raises OSError.
        """
        self._has_ipv6 = has_ipv6
        self.netns = new_netns()
        run_in_netns(self.netns, lambda: _make_bridge(has_ipv6=has_ipv6))

    def listen_dns(self, addresses: Iterable[IpAddress]) -> list[socket.socket]:
        """A UDP and a TCP socket of port 53, and a TCP socket for its metrics, for each of the
        DNS server's addresses.
        """
        return run_in_netns(self.netns, lambda: _open_dns(addresses))

    def connect_node(self, number: int, address: IPv4Address) -> int:
        """A new node's namespace, its eth0 on the bridge with `address`. Raises OSError."""
        return self._connect(f"node{number}", address, _NODE_SYSCTLS)

    def connect_machine(self, port: str, address: IPv4Address) -> int:
        """The same for a machine that forwards nothing; `port` is the bridge's end."""
        return self._connect(port, address, _MACHINE_SYSCTLS)

    def _connect(self, port: str, address: IPv4Address, sysctls: Mapping[str, str]) -> int:
        machine = new_netns()
        has_ipv6 = self._has_ipv6
        try:
            run_in_netns(self.netns, lambda: _plug(port, machine))
            run_in_netns(machine, lambda: _configure(address, sysctls, has_ipv6=has_ipv6))
        except BaseException:
            os.close(machine)
            raise
        return machine


def _make_bridge(*, has_ipv6: bool) -> None:
    if has_ipv6:
        _write_sysctl(*_IPV6_ENABLED)
    with IPRoute() as netlink:
        netlink.link("set", index=1, state="up")
        netlink.link("add", ifname=BRIDGE, kind="bridge", mtu=UNDERLAY_MTU)
        index = netlink.link_lookup(ifname=BRIDGE)[0]
        # Clients get the host's: the kernel prefers the first IPv4, but the last IPv6 address.
        addresses = (HOST_ADDRESS, CONTROL_PLANE_ADDRESS, DNS_ADDRESS)
        for address in addresses:
            _add_ipv4(netlink, index, address)
        for address in reversed(addresses if has_ipv6 else ()):
            _add_ipv6(netlink, index, address)
        netlink.link("set", index=index, state="up")


def _add_ipv4(netlink: IPRoute, index: int, address: IPv4Address) -> None:
    netlink.addr("add", index=index, address=str(address), prefixlen=UNDERLAY.prefixlen)


def _add_ipv6(netlink: IPRoute, index: int, address: IPv4Address) -> None:
    """Without duplicate address detection: the address would be of no use for some seconds."""
    netlink.addr(
        "add",
        index=index,
        address=str(ipv6_twin(address)),
        prefixlen=IPV6_UNDERLAY.prefixlen,
        flags=_IFA_F_NODAD,
    )


def _plug(port: str, machine: int) -> None:
    """A veth pair: `port` on the bridge, its other end eth0 in the namespace `machine`."""
    with IPRoute() as netlink:
        netlink.link(
            "add",
            ifname=port,
            kind="veth",
            mtu=UNDERLAY_MTU,
            peer={"ifname": _DEVICE, "net_ns_fd": machine, "mtu": UNDERLAY_MTU},
        )
        bridge = netlink.link_lookup(ifname=BRIDGE)[0]
        index = netlink.link_lookup(ifname=port)[0]
        netlink.link("set", index=index, master=bridge, state="up")


def _configure(address: IPv4Address, sysctls: Mapping[str, str], *, has_ipv6: bool) -> None:
    for name, value in sysctls.items():
        _write_sysctl(name, value)
    if has_ipv6:
        _write_sysctl(*_IPV6_ENABLED)
    with IPRoute() as netlink:
        netlink.link("set", index=1, state="up")
        index = netlink.link_lookup(ifname=_DEVICE)[0]
        _write_sysctl(f"net/ipv4/conf/{_DEVICE}/rp_filter", "0")
        _add_ipv4(netlink, index, address)
        if has_ipv6:
            _add_ipv6(netlink, index, address)
        netlink.link("set", index=index, state="up")


def _write_sysctl(name: str, value: str) -> None:
    """/proc/sys/net shows the network namespace of the thread that opens it."""
    try:
        with open(f"/proc/sys/{name}", "w") as file:
            file.write(value)
    except FileNotFoundError:
        if not name.startswith("net/ipv6/"):  # a kernel without IPv6 has none of these
            raise


def _open_dns(addresses: Iterable[IpAddress]) -> list[socket.socket]:
    sockets = []
    for address in addresses:
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        where = (str(address), 53)
        datagrams = socket.socket(family, socket.SOCK_DGRAM)
        datagrams.bind(where)
        sockets += [datagrams, socket.create_server(where, family=family, backlog=1024)]
        sockets.append(socket.create_server((str(address), _DNS_METRICS_PORT), family=family))
    return sockets
