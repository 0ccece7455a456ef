"""The command lines of a cluster's programs. Pure."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubehop.local.spec import (
    AGENT_PORT,
    API_PORT,
    CLOUD_ADDRESS,
    CLOUD_POOL,
    CONTROL_PLANE_ADDRESS,
    DNS_ADDRESS,
    RPC_PORT,
    UNDERLAY_MTU,
    node_cidr_mask,
)
from netcore.model.address import authority

if TYPE_CHECKING:
    from kubehop.local.paths import ClusterPaths
    from kubehop.local.spec import ClusterSpec

RPC_SOCKET = "rpc.sock"
"""Relative to the cluster's folder, where the programs run: a socket's path may be 107 bytes."""

_MASK_FLAG = {4: "--node-cidr-mask-size", 6: "--node-cidr-mask-size-ipv6"}

CLOUD_METRICS_PORT = 10253
FIRST_INHERITED = 3
"""The number of the first descriptor that a program inherits."""


@dataclass(frozen=True, slots=True)
class Command:
    """A program of the cluster: its name in logs and status, and its arguments."""

    component: str
    arguments: tuple[str, ...]


def control_plane(spec: ClusterSpec, paths: ClusterPaths, api_port: int) -> Command:
    """Inherits the API's listening socket on the host as its first descriptor."""
    addresses = spec.addresses(CONTROL_PLANE_ADDRESS)
    return _command(
        "controlplane",
        "controlplane",
        ("--data-dir", str(paths.data / "controlplane")),
        ("--cluster-name", spec.name),
        ("--api-listen", f"fd://{FIRST_INHERITED}"),
        *(("--api-listen", authority(address, API_PORT)) for address in addresses),
        ("--rpc-listen", authority(addresses[0], RPC_PORT)),
        ("--rpc-listen", f"unix:{RPC_SOCKET}"),
        ("--advertise-address", str(addresses[0])),
        ("--pod-cidr", spec.pod_cidr),
        ("--service-cidr", spec.service_cidr),
        *((_MASK_FLAG[cidr.version], str(node_cidr_mask(cidr))) for cidr in spec.pod_networks),
        ("--proxy-mode", spec.proxy_mode),
        ("--ipvs-scheduler", spec.ipvs_scheduler),
        ("--lb-algorithm", spec.lb_algorithm),
        ("--cni", spec.cni),
        *(("--policy", choice) for choice in spec.policy),
        ("--underlay-mtu", str(UNDERLAY_MTU)),
        ("--server-url", f"https://{authority(spec.api_address, api_port)}"),
        ("--kubeconfig-out", str(paths.kubeconfig)),
        ("--tls-san", spec.api_address),
        ("--tls-san", "localhost"),
    )


def dns(spec: ClusterSpec) -> Command:
    """Inherits for each of the cluster's IP families a UDP and a TCP socket of the underlay's port
    53 and a TCP socket of port 9153, in this order.

    It runs in the host's network, where the host's resolvers answer, and speaks to the control
    plane through a unix socket.
    """
    addresses = spec.addresses(DNS_ADDRESS)
    return _command(
        "coredns",
        "coredns_emu",
        ("--control-plane", f"unix:{RPC_SOCKET}"),
        *(
            (flag, f"fd://{FIRST_INHERITED + 3 * family + place}")
            for family in range(len(addresses))
            for place, flag in enumerate(("--listen-udp", "--listen-tcp", "--metrics-listen"))
        ),
        *(("--advertise-address", str(address)) for address in addresses),
        ("--resolv-conf", "/etc/resolv.conf"),
        ("--name", "coredns"),
    )


def cloud(spec: ClusterSpec) -> Command:
    """The cloud's load balancers, a machine of their own on the underlay."""
    firsts, lasts = (spec.addresses(address) for address in CLOUD_POOL)
    pool = ",".join(f"{first}-{last}" for first, last in zip(firsts, lasts, strict=True))
    return _command(
        "cloudlb",
        "cloudlb",
        ("--control-plane", authority(spec.addresses(CONTROL_PLANE_ADDRESS)[0], RPC_PORT)),
        ("--address", str(spec.addresses(CLOUD_ADDRESS)[0])),
        ("--pool", pool),
        ("--instance-id", "cloudlb"),
        ("--metrics-listen", authority(spec.addresses(CLOUD_ADDRESS)[0], CLOUD_METRICS_PORT)),
    )


def node(spec: ClusterSpec, paths: ClusterPaths, index: int) -> Command:
    """The agent of the node with this index."""
    wanted = spec.nodes[index]
    addresses = spec.addresses(spec.node_address(index))
    return _command(
        wanted.name,
        "nodeagent",
        ("--control-plane", authority(spec.addresses(CONTROL_PLANE_ADDRESS)[0], RPC_PORT)),
        ("--underlay-address", ",".join(map(str, addresses))),
        ("--rpc-listen", authority(addresses[0], AGENT_PORT)),
        ("--state-dir", str(paths.data / wanted.name)),
        ("--node-name", wanted.name),
        ("--instance-id", wanted.name),
        ("--resolv-conf", "/etc/resolv.conf"),
        *(("--node-label", f"{key}={value}") for key, value in wanted.labels),
        *(("--node-taint", taint) for taint in wanted.taints),
    )


def _command(component: str, module: str, *flags: tuple[str, str]) -> Command:
    # -P: the folder in which the programs run is the user's data, never a place of code.
    program = (sys.executable, "-P", "-m", module)
    return Command(component, program + tuple(word for flag in flags for word in flag))
