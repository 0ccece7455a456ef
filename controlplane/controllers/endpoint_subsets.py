"""The older core/v1 Endpoints: made of a Service's backends, and read back into backends. Pure.

Source: Kubernetes pkg/controller/endpoint and pkg/controller/endpointslicemirroring.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from controlplane.controllers.backends import Backends

if TYPE_CHECKING:
    from collections.abc import Sequence

Object = dict[str, Any]
MAX_ADDRESSES = 1000


def subsets_of(backends: Sequence[Backends], family: str) -> list[Object]:
    """Endpoints' subsets: ready and not ready addresses by the ports that they serve.

    Terminating pods are left out, as Endpoints cannot express them. At most 1000 addresses, ready
    ones first.
    """
    groups = [group for group in backends if group.address_type == family]
    subsets: list[Object] = [{} for _ in groups]
    left = MAX_ADDRESSES
    for field, ready in (("addresses", True), ("notReadyAddresses", False)):
        for subset, group in zip(subsets, groups, strict=True):
            found = _addresses(group, ready=ready)[:left]
            left -= len(found)
            if found:
                subset[field] = found
    for subset, group in zip(subsets, groups, strict=True):
        if subset and group.ports:
            subset["ports"] = [_without_empty_name(port) for port in group.port_objects()]
    return [subset for subset in subsets if subset]


def is_over_capacity(backends: Sequence[Backends], family: str) -> bool:
    """Whether there are more addresses than Endpoints can hold."""
    groups = [group for group in backends if group.address_type == family]
    total = sum(len(_addresses(group, ready=ready)) for group in groups for ready in (True, False))
    return total > MAX_ADDRESSES


def _addresses(group: Backends, *, ready: bool) -> list[Object]:
    """In the order of their texts, as Kubernetes packs them (RepackSubsets)."""
    found = [
        _address(endpoint)
        for endpoint in group.endpoints
        if endpoint["conditions"]["ready"] is ready
        and (ready or not endpoint["conditions"]["terminating"])
    ]
    return sorted(found, key=lambda address: str(address["ip"]))


def _without_empty_name(port: Object) -> Object:
    return {key: value for key, value in port.items() if key != "name" or value}


def _address(endpoint: Object) -> Object:
    address: Object = {"ip": endpoint["addresses"][0], "targetRef": endpoint["targetRef"]}
    for field in ("hostname", "nodeName"):
        if endpoint.get(field):
            address[field] = endpoint[field]
    return address


def backends_of_endpoints(endpoints: Object) -> list[Backends]:
    """What hand-made Endpoints say, as backends for mirrored EndpointSlices."""
    groups: dict[tuple[str, Any], Backends] = {}
    for subset in endpoints.get("subsets") or ():
        ports = tuple(
            (p.get("name") or "", p.get("protocol", "TCP"), p.get("port"), p.get("appProtocol"))
            for p in subset.get("ports") or ()
        )
        for field, ready in (("addresses", True), ("notReadyAddresses", False)):
            for address in subset.get(field) or ():
                family = f"IPv{ip_address(address['ip']).version}"
                group = groups.setdefault((family, ports), Backends(family, ports))
                if len(group.endpoints) < MAX_ADDRESSES:
                    group.endpoints.append(_mirrored(address, ready))
    return list(groups.values())


def _mirrored(address: Object, ready: bool) -> Object:
    endpoint: Object = {"addresses": [address["ip"]], "conditions": {"ready": ready}}
    for field in ("hostname", "nodeName", "targetRef"):
        if address.get(field):
            endpoint[field] = address[field]
    return endpoint
