"""Opening what the userspace datapath works with: the VXLAN sockets and the host endpoint."""

import os
from contextlib import ExitStack
from functools import partial
from ipaddress import IPv6Address

from netcore.model.address import IpAddress
from netcore.model.config import MASQUERADE_PORTS, NODE_PORTS
from netcore.model.errors import DatapathError
from nodeagent.datapath.base import Site
from nodeagent.datapath.userspace.datapath import UserspaceDatapath
from nodeagent.edges.host_endpoint import HOST_DEVICE, HostEndpoint, HostLink
from nodeagent.edges.icmpv6_socket import Icmpv6Socket
from nodeagent.edges.links import device_of
from nodeagent.edges.sysctl import HOST_SETTINGS, IPV6_HOST_SETTINGS, ensure
from nodeagent.edges.tap import open_tap
from nodeagent.edges.underlay import underlay_link
from nodeagent.edges.vxlan_socket import VxlanSocket


def open_userspace(site: Site) -> UserspaceDatapath:
    """A datapath that runs. Raises DatapathError: an underlay too narrow, a port that is taken,
    rights that are missing.
    """
    config = site.snapshot.config
    ensure(HOST_SETTINGS)
    if any(cidr.version == 6 for cidr in config.pod_cidrs):
        ensure(IPV6_HOST_SETTINGS)
    _, underlay_mtu = device_of(site.underlay)
    if underlay_mtu < config.underlay_mtu_bytes:
        raise DatapathError(
            "use underlay",
            str(site.underlay),
            f"its MTU is {underlay_mtu}, the cluster needs {config.underlay_mtu_bytes}; "
            "start the control plane with a smaller --underlay-mtu",
        )
    with ExitStack() as undo:
        tunnel = VxlanSocket(site.underlay, config.vxlan_port)
        undo.callback(tunnel.close)
        host_tap = open_tap(HOST_DEVICE)
        undo.callback(os.close, host_tap)
        endpoint = HostEndpoint(_host_link(site))
        copies = _icmpv6_socket(site)
        undo.pop_all()
    return UserspaceDatapath(
        site.snapshot,
        tunnel,
        host_tap,
        site.vtep_mac,
        endpoint.apply,
        icmpv6=copies,
        read_link=partial(underlay_link, site.underlay),
        flow_capacity=site.flow_capacity,
    )


def _underlay(site: Site) -> tuple[IpAddress, ...]:
    """The node's addresses of the families that its pods have."""
    snapshot = site.snapshot
    versions = {cidr.version for cidr in snapshot.config.pod_cidrs}
    addresses = snapshot.nodes[snapshot.node_name].underlay_addresses
    return tuple(address for address in addresses if address.version in versions)


def _icmpv6_socket(site: Site) -> Icmpv6Socket | None:
    for address in _underlay(site):
        if isinstance(address, IPv6Address):
            device, _ = device_of(address)
            return Icmpv6Socket(device, address)
    return None


def _host_link(site: Site) -> HostLink:
    snapshot = site.snapshot
    node = snapshot.nodes[snapshot.node_name]
    return HostLink(
        mac=site.vtep_mac,
        mtu_bytes=snapshot.config.pod_mtu_bytes,
        gateways=tuple(cidr[1] for cidr in node.pod_cidrs),
        routed=snapshot.config.pod_cidrs + snapshot.config.service_cidrs,
        underlay=_underlay(site),
        masquerade_ports=MASQUERADE_PORTS,
        node_ports=NODE_PORTS,
    )
