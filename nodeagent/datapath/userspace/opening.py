"""Opening what the userspace datapath works with: the VXLAN sockets and the host endpoint."""

import os

from netcore.model.config import MASQUERADE_PORTS, NODE_PORTS
from netcore.model.errors import DatapathError
from nodeagent.datapath.base import Site
from nodeagent.datapath.userspace.datapath import UserspaceDatapath
from nodeagent.edges.host_endpoint import HOST_DEVICE, HostEndpoint, HostLink
from nodeagent.edges.links import device_of
from nodeagent.edges.sysctl import HOST_SETTINGS, ensure
from nodeagent.edges.tap import open_tap
from nodeagent.edges.vxlan_socket import VxlanSocket


def open_userspace(site: Site) -> UserspaceDatapath:
    """A datapath that runs. Raises DatapathError: an underlay too narrow, a port that is taken,
    rights that are missing.
    """
    config = site.snapshot.config
    ensure(HOST_SETTINGS)
    _, underlay_mtu = device_of(site.underlay)
    if underlay_mtu < config.underlay_mtu_bytes:
        raise DatapathError(
            "use underlay",
            str(site.underlay),
            f"its MTU is {underlay_mtu}, the cluster needs {config.underlay_mtu_bytes}; "
            "start the control plane with a smaller --underlay-mtu",
        )
    tunnel = VxlanSocket(site.underlay, config.vxlan_port)
    try:
        host_tap = open_tap(HOST_DEVICE)
    except DatapathError:
        tunnel.close()
        raise
    try:
        endpoint = HostEndpoint(_host_link(site))
    except DatapathError:
        tunnel.close()
        os.close(host_tap)
        raise
    return UserspaceDatapath(site.snapshot, tunnel, host_tap, site.vtep_mac, endpoint.apply)


def _host_link(site: Site) -> HostLink:
    snapshot = site.snapshot
    node = snapshot.nodes[snapshot.node_name]
    return HostLink(
        mac=site.vtep_mac,
        mtu_bytes=snapshot.config.pod_mtu_bytes,
        gateways=tuple(cidr[1] for cidr in node.pod_cidrs),
        routed=snapshot.config.pod_cidrs + snapshot.config.service_cidrs,
        underlay=site.underlay,
        masquerade_ports=MASQUERADE_PORTS,
        node_ports=NODE_PORTS,
    )
