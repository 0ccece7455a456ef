"""Ports of a node that pods take for themselves, as their manifests say it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from netcore.model.address import IpAddress, parse_address
from netcore.model.errors import ConfigError

Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class HostPort:
    """A port of the pod's node that leads to it; without an address at all of the node's."""

    protocol: str
    port: int
    container_port: int
    address: IpAddress | None = None

    def clashes(self, other: "HostPort") -> bool:
        """Whether no node has room for both (Kubernetes pkg/scheduler/framework, HostPortInfo)."""
        return (self.protocol, self.port) == (other.protocol, other.port) and (
            self.address is None or other.address is None or self.address == other.address
        )


def host_ports(pod: Manifest) -> tuple[HostPort, ...]:
    """What the containers that stay take of the pod's node; so does a hostNetwork pod's port.

    An unspecified hostIP, and one that is no address, mean the same as none.
    """
    spec = pod["spec"]
    return tuple(
        HostPort(
            port.get("protocol") or "TCP",
            int(port["hostPort"]),
            int(port["containerPort"]),
            _host_ip(port.get("hostIP")),
        )
        for container in (*(spec.get("containers") or ()), *_sidecars(spec))
        for port in container.get("ports") or ()
        if port.get("hostPort")
    )


def clash(wanted: Iterable[HostPort], taken: Iterable[HostPort]) -> bool:
    """Whether something that is wanted is taken already."""
    there = tuple(taken)
    return any(one.clashes(other) for one in wanted for other in there)


def _sidecars(spec: Manifest) -> list[Manifest]:
    """Init containers that stay (KEP-753)."""
    found = spec.get("initContainers") or ()
    return [each for each in found if each.get("restartPolicy") == "Always"]


def _host_ip(text: str | None) -> IpAddress | None:
    try:
        address = parse_address(text or "")
    except ConfigError:
        return None
    return None if address.is_unspecified else address
