"""EndpointSlices out of their manifests."""

from typing import Any

from netcore.manifest.addresses import addresses
from netcore.model.endpoint import Endpoint, EndpointPort, EndpointSlice

Object = dict[str, Any]
SERVICE_NAME = "kubernetes.io/service-name"


def endpoint_slice_state(slice_: Object) -> EndpointSlice | None:
    """A slice of IP addresses which belongs to a Service."""
    about = slice_["metadata"]
    service_name = (about.get("labels") or {}).get(SERVICE_NAME)
    if not service_name or slice_.get("addressType") not in ("IPv4", "IPv6"):
        return None
    endpoints = (_endpoint(entry, about["namespace"]) for entry in slice_.get("endpoints") or ())
    return EndpointSlice(
        namespace=about["namespace"],
        name=about["name"],
        service_name=service_name,
        address_type=slice_["addressType"],
        ports=tuple(
            EndpointPort(port.get("name") or "", port.get("protocol") or "TCP", int(port["port"]))
            for port in slice_.get("ports") or ()
            if port.get("port")
        ),
        endpoints=tuple(endpoint for endpoint in endpoints if endpoint.addresses),
    )


def _endpoint(entry: Object, namespace: str) -> Endpoint:
    conditions = entry.get("conditions") or {}
    ready = conditions.get("ready") is not False
    serving = conditions.get("serving")
    target = entry.get("targetRef") or {}
    hints = entry.get("hints") or {}
    is_pod = target.get("kind") == "Pod" and target.get("name")
    return Endpoint(
        addresses=addresses(entry.get("addresses") or ()),
        ready=ready,
        serving=ready if serving is None else bool(serving),
        terminating=bool(conditions.get("terminating")),
        hostname=entry.get("hostname") or "",
        node_name=entry.get("nodeName") or "",
        zone=entry.get("zone") or "",
        target=(target.get("namespace") or namespace, target["name"]) if is_pod else None,
        for_zones=_names(hints.get("forZones")),
        for_nodes=_names(hints.get("forNodes")),
    )


def _names(entries: list[Object] | None) -> tuple[str, ...]:
    return tuple(str(entry["name"]) for entry in entries or ())
