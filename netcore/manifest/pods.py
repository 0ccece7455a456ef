"""Pods out of their manifests."""

from collections.abc import Mapping
from typing import Any

from netcore.manifest.addresses import addresses
from netcore.model.address import IpAddress
from netcore.model.host_port import host_ports
from netcore.model.pod import NamedPort, Pod

Object = dict[str, Any]


def pod_state(pod: Object) -> Pod | None:
    """A pod that has addresses and has not finished."""
    status = pod.get("status") or {}
    if status.get("phase") in ("Succeeded", "Failed"):
        return None
    texts = [entry.get("ip") for entry in status.get("podIPs") or ()] or [status.get("podIP")]
    ips = addresses(text for text in texts if text)
    return pod_at(pod, ips) if ips else None


def pod_at(pod: Mapping[str, Any], ips: tuple[IpAddress, ...]) -> Pod:
    """The pod of a manifest at addresses that its status need not name yet."""
    spec, about = pod["spec"], pod["metadata"]
    return Pod(
        namespace=about["namespace"],
        name=about["name"],
        uid=about["uid"],
        node_name=spec.get("nodeName") or "",
        ips=ips,
        labels=dict(about.get("labels") or {}),
        host_network=bool(spec.get("hostNetwork")),
        hostname=spec.get("hostname") or about["name"],
        subdomain=spec.get("subdomain") or "",
        host_ports=() if spec.get("hostNetwork") else host_ports(pod),
        named_ports=named_ports(pod),
    )


def named_ports(pod: Mapping[str, Any]) -> tuple[NamedPort, ...]:
    """The ports with names of the pod's containers, sidecars (KEP-753) included."""
    spec = pod["spec"]
    stay = [c for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"]
    return tuple(
        NamedPort(port["name"], port.get("protocol") or "TCP", int(port["containerPort"]))
        for container in (*(spec.get("containers") or ()), *stay)
        for port in container.get("ports") or ()
        if port.get("name") and port.get("containerPort")
    )
