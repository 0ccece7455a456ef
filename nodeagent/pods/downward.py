"""The downward API: fields and resources of a pod as text."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Any, Final

from netcore.model.errors import ConfigError
from nodeagent.pods.interfaces import Manifest, NodeFacts, PodRef

_SUFFIXES: Final = {
    "": Decimal(1),
    **{"n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("0.001")},
    **{"k": Decimal(10**3), "M": Decimal(10**6), "G": Decimal(10**9), "T": Decimal(10**12)},
    **{"Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30), "Ti": Decimal(2**40)},
}


@dataclass(frozen=True)
class PodFacts:
    """A pod's manifest with what is known of it only once it has a sandbox."""

    manifest: Manifest
    node: NodeFacts
    pod_ips: Sequence[str]

    @property
    def ref(self) -> PodRef:
        """Which pod this is."""
        about = self.manifest["metadata"]
        return PodRef(about["namespace"], about["name"], about["uid"])

    def field(self, path: str) -> str:
        """The value of a `fieldRef.fieldPath`. Raises ConfigError."""
        metadata, spec = self.manifest["metadata"], self.manifest["spec"]
        subscript = re.fullmatch(r"metadata\.(labels|annotations)\['([^']+)'\]", path)
        if subscript:
            return str((metadata.get(subscript[1]) or {}).get(subscript[2], ""))
        known: Mapping[str, Any] = {
            "metadata.name": metadata["name"],
            "metadata.namespace": metadata["namespace"],
            "metadata.uid": metadata["uid"],
            "metadata.labels": _as_lines(metadata.get("labels") or {}),
            "metadata.annotations": _as_lines(metadata.get("annotations") or {}),
            "spec.nodeName": self.node.name,
            "spec.serviceAccountName": spec.get("serviceAccountName") or "default",
            "status.hostIP": next(iter(self.node.host_ips), ""),
            "status.hostIPs": ",".join(self.node.host_ips),
            "status.podIP": next(iter(self.pod_ips), ""),
            "status.podIPs": ",".join(self.pod_ips),
        }
        if path not in known:
            raise ConfigError(f"unsupported fieldPath: {path}")
        return str(known[path])

    def resource(self, reference: Manifest, container_name: str) -> str:
        """The value of a `resourceFieldRef`; without a limit, what the node has."""
        wanted = reference.get("containerName") or container_name
        spec = self.manifest["spec"]
        containers = [*spec["containers"], *(spec.get("initContainers") or ())]
        found: Manifest = next((item for item in containers if item["name"] == wanted), {})
        kind, _dot, name = str(reference["resource"]).partition(".")
        quantity = ((found.get("resources") or {}).get(kind) or {}).get(name)
        if quantity is None:
            if kind == "requests":
                return "0"
            quantity = str(_capacity(name))
        divisor = parse_quantity(str(reference.get("divisor") or "1")) or Decimal(1)
        amount = parse_quantity(str(quantity)) / divisor
        return str(amount.to_integral_value(ROUND_CEILING))


def _capacity(name: str) -> int:
    if name == "cpu":
        return os.cpu_count() or 1
    if name == "memory":
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return 0


def _as_lines(pairs: Mapping[str, str]) -> str:
    return "\n".join(f"{key}={json.dumps(value)}" for key, value in sorted(pairs.items()))


def parse_quantity(text: str) -> Decimal:
    """A Kubernetes resource quantity such as `500m` or `128Mi`. Raises ConfigError."""
    match = re.fullmatch(r"([+-]?[0-9.]+(?:[eE][+-]?\d+)?)([a-zA-Z]*)", text)
    if not match or match[2] not in _SUFFIXES:
        raise ConfigError(f'"{text}" is not a resource quantity')
    return Decimal(match[1]) * _SUFFIXES[match[2]]
