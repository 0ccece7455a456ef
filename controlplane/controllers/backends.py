"""Who stands behind a Service: endpoints of its pods, grouped by the ports that they serve. Pure.

Source: Kubernetes staging/src/k8s.io/endpointslice (reconciler.go, utils.go).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from controlplane.controllers.conditions import (
    is_finished,
    is_terminating,
    is_true,
    node_of,
)
from controlplane.controllers.hints import traffic_hints

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Object = dict[str, Any]
ZONE_LABEL = "topology.kubernetes.io/zone"
PortsKey = tuple[tuple[str, str, int | None, str | None], ...]
"""(name, protocol, port, appProtocol) of every port, in the Service's order."""


@dataclass(slots=True)
class Backends:
    """Endpoints of one address family which serve the same ports."""

    address_type: str
    ports: PortsKey
    endpoints: list[Object] = field(default_factory=list)

    def port_objects(self) -> list[Object]:
        """The ports as an EndpointSlice has them."""
        return [port_object(port) for port in self.ports]


def port_object(port: tuple[str, str, int | None, str | None]) -> Object:
    """One port of an EndpointSlice."""
    name, protocol, number, app_protocol = port
    entry: Object = {"name": name, "port": number, "protocol": protocol}
    if app_protocol:
        entry["appProtocol"] = app_protocol
    return entry


def pod_ips(pod: Object) -> list[str]:
    """The addresses that the pod's node reported."""
    status = pod.get("status") or {}
    ips = [entry["ip"] for entry in status.get("podIPs") or () if entry.get("ip")]
    return ips or ([status["podIP"]] if status.get("podIP") else [])


def find_port(pod: Object, port: Object) -> int | None:
    """The container port behind a ServicePort, None when the pod has none of that name."""
    target = port.get("targetPort", port["port"])
    if isinstance(target, int):
        return target
    spec = pod["spec"]
    sidecars = [c for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"]
    for container in [*(spec.get("containers") or ()), *sidecars]:
        for entry in container.get("ports") or ():
            same_protocol = entry.get("protocol", "TCP") == port.get("protocol", "TCP")
            if entry.get("name") == target and same_protocol:
                return int(entry["containerPort"])
    return None


def ports_of(service: Object, pod: Object) -> PortsKey:
    """The Service's ports as this pod serves them; those that it lacks are left out."""
    found = []
    for port in service["spec"].get("ports") or ():
        number = find_port(pod, port)
        if number is not None:
            protocol = port.get("protocol", "TCP")
            found.append((port.get("name") or "", protocol, number, port.get("appProtocol")))
    return tuple(found)


def endpoint_of(service: Object, pod: Object, addresses: list[str], zone: str) -> Object:
    """The endpoint of a pod, with its conditions."""
    terminating = is_terminating(pod)
    serving = is_true(pod, "Ready")
    published = bool(service["spec"].get("publishNotReadyAddresses"))
    about = pod["metadata"]
    endpoint: Object = {
        "addresses": addresses,
        "conditions": {
            "ready": published or (serving and not terminating),
            "serving": serving,
            "terminating": terminating,
        },
        "nodeName": node_of(pod),
        "targetRef": {
            "kind": "Pod",
            "namespace": about["namespace"],
            "name": about["name"],
            "uid": about["uid"],
        },
    }
    if zone:
        endpoint["zone"] = zone
    hints = traffic_hints(service, endpoint)
    if hints:
        endpoint["hints"] = hints
    hostname = pod["spec"].get("hostname")
    if hostname and pod["spec"].get("subdomain") == service["metadata"]["name"]:
        endpoint["hostname"] = hostname
    return endpoint


def backends_of(
    service: Object, pods: Iterable[Object], zone_of: Callable[[str], str]
) -> list[Backends]:
    """The Service's backends, grouped by address family and ports; pods in the order of names."""
    families = service["spec"].get("ipFamilies") or ["IPv4"]
    groups: dict[tuple[str, PortsKey], Backends] = {}
    for pod in sorted(pods, key=lambda pod: str(pod["metadata"]["name"])):
        if is_finished(pod):
            continue
        ports = ports_of(service, pod)  # none where the pod has no port of the name that is meant
        for family in families:
            addresses = [ip for ip in pod_ips(pod) if (":" in ip) == (family == "IPv6")]
            if not addresses:
                continue
            group = groups.setdefault((family, ports), Backends(family, ports))
            zone = zone_of(node_of(pod))
            group.endpoints.append(endpoint_of(service, pod, addresses[:1], zone))
    for family in families:  # a slice without endpoints says that there are none
        if not any(kind == family for kind, _ in groups):
            groups[(family, ())] = Backends(family, ())
    return list(groups.values())
