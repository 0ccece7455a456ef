"""Who has an address."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from netcore.model.address import authority

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Names:
    """Addresses of pods, Services, nodes and endpoints without pods, by what they are called."""

    owners: dict[str, str] = field(default_factory=dict)
    pod_nodes: dict[str, str] = field(default_factory=dict)
    """Pod name -> the node that it runs on."""

    @classmethod
    def of(
        cls,
        pods: Iterable[dict[str, Any]],
        services: Iterable[dict[str, Any]],
        nodes: Iterable[dict[str, Any]],
        slices: Iterable[dict[str, Any]],
    ) -> Names:
        """From Kubernetes objects. Pods win over the endpoints that they are behind."""
        owners: dict[str, str] = {}
        for node in nodes:
            for address in node.get("status", {}).get("addresses", []):
                if address["type"] == "InternalIP":
                    owners[address["address"]] = f"node {node['metadata']['name']}"
        for found in slices:
            service = found["metadata"].get("labels", {}).get("kubernetes.io/service-name", "")
            for endpoint in found.get("endpoints") or ():
                for address in endpoint["addresses"]:
                    owners.setdefault(address, f"endpoint of {service}")
        for service in services:
            for address in service["spec"].get("clusterIPs") or ():
                owners[address] = f"Service {service['metadata']['name']}"
        pod_nodes = {}
        for pod in pods:
            name = pod["metadata"]["name"]
            pod_nodes[name] = pod["spec"].get("nodeName", "")
            for entry in pod.get("status", {}).get("podIPs") or ():
                owners[entry["ip"]] = f"pod {name}"
        return cls(owners, pod_nodes)

    def owner(self, address: str) -> str:
        """Who has the address, itself when nobody is known."""
        return self.owners.get(address, address)

    def full(self, address: str, port: int) -> str:
        """`10.96.3.7:80 (Service backend)`."""
        place = authority(address, port)
        owner = self.owners.get(address)
        return f"{place} ({owner})" if owner else place
