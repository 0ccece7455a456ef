"""What a node says of itself when it joins."""

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from netcore.model.address import IpAddress


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """`name` empty: the control plane hands one out, the same for the same `instance_id`.
    `underlay` has one address, or one of each family; the control plane says which count.
    `capabilities` are the datapath's, none before it is open.
    """

    instance_id: str
    underlay: tuple[IpAddress, ...]
    rpc_port: int
    vtep_mac: bytes
    capabilities: frozenset[str] = frozenset()
    name: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[str, ...] = ()
    os_image: str = field(default_factory=lambda: _os_image())
    kernel_version: str = field(default_factory=platform.release)
    agent_version: str = field(default_factory=lambda: _agent_version())
    architecture: str = field(default_factory=lambda: _architecture())
    cpu_count: int = field(default_factory=lambda: os.cpu_count() or 1)
    memory_bytes: int = field(
        default_factory=lambda: os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    )


def vtep_mac_of(underlay: IpAddress) -> bytes:
    """A locally administered MAC that follows from the address, so that a restarted node
    keeps it: 0a:58 and the address's last four bytes, as CNI plugins number pods.
    """
    return b"\x0a\x58" + underlay.packed[-4:]


def _os_image() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    except OSError:
        return "Linux"


def _agent_version() -> str:
    try:
        return version("kubehop")
    except PackageNotFoundError:
        return "unknown"


def _architecture() -> str:
    machine = platform.machine()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


def machine_instance_id() -> str:
    """What stays the same when this machine or container is restarted: its host name."""
    return Path("/proc/sys/kernel/hostname").read_text().strip()
