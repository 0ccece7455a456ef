"""The command lines of a cluster's programs. Pure."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubehop.local.spec import (
    AGENT_PORT,
    API_PORT,
    CONTROL_PLANE_ADDRESS,
    DNS_ADDRESS,
    RPC_PORT,
    UNDERLAY_MTU,
)

if TYPE_CHECKING:
    from kubehop.local.paths import ClusterPaths
    from kubehop.local.spec import ClusterSpec

RPC_SOCKET = "rpc.sock"
"""Relative to the cluster's folder, where the programs run: a socket's path may be 107 bytes."""

FIRST_INHERITED = 3
"""The number of the first descriptor that a program inherits."""


@dataclass(frozen=True, slots=True)
class Command:
    """A program of the cluster: its name in logs and status, and its arguments."""

    component: str
    arguments: tuple[str, ...]


def control_plane(spec: ClusterSpec, paths: ClusterPaths, api_port: int) -> Command:
    """Inherits the API's listening socket on the host as its first descriptor."""
    host = f"[{spec.api_address}]" if ":" in spec.api_address else spec.api_address
    return _command(
        "controlplane",
        "controlplane",
        ("--data-dir", str(paths.data / "controlplane")),
        ("--cluster-name", spec.name),
        ("--api-listen", f"fd://{FIRST_INHERITED}"),
        ("--api-listen", f"{CONTROL_PLANE_ADDRESS}:{API_PORT}"),
        ("--rpc-listen", f"{CONTROL_PLANE_ADDRESS}:{RPC_PORT}"),
        ("--rpc-listen", f"unix:{RPC_SOCKET}"),
        ("--advertise-address", str(CONTROL_PLANE_ADDRESS)),
        ("--pod-cidr", spec.pod_cidr),
        ("--service-cidr", spec.service_cidr),
        ("--node-cidr-mask-size", str(spec.node_cidr_mask)),
        ("--proxy-mode", spec.proxy_mode),
        ("--ipvs-scheduler", spec.ipvs_scheduler),
        ("--lb-algorithm", spec.lb_algorithm),
        ("--underlay-mtu", str(UNDERLAY_MTU)),
        ("--server-url", f"https://{host}:{api_port}"),
        ("--kubeconfig-out", str(paths.kubeconfig)),
        ("--tls-san", spec.api_address),
        ("--tls-san", "localhost"),
    )


def dns() -> Command:
    """Inherits the UDP and the TCP socket of the underlay's port 53, in this order.

    It runs in the host's network, where the host's resolvers answer, and speaks to the control
    plane through a unix socket.
    """
    return _command(
        "coredns",
        "coredns_emu",
        ("--control-plane", f"unix:{RPC_SOCKET}"),
        ("--listen-udp", f"fd://{FIRST_INHERITED}"),
        ("--listen-tcp", f"fd://{FIRST_INHERITED + 1}"),
        ("--advertise-address", str(DNS_ADDRESS)),
        ("--resolv-conf", "/etc/resolv.conf"),
        ("--name", "coredns"),
    )


def node(spec: ClusterSpec, paths: ClusterPaths, index: int) -> Command:
    """The agent of the node with this index."""
    wanted = spec.nodes[index]
    address = spec.node_address(index)
    return _command(
        wanted.name,
        "nodeagent",
        ("--control-plane", f"{CONTROL_PLANE_ADDRESS}:{RPC_PORT}"),
        ("--underlay-address", str(address)),
        ("--rpc-listen", f"{address}:{AGENT_PORT}"),
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
