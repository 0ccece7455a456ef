"""What a Service gets from the cluster's pools: cluster IPs, IP families, node ports.

Source: Kubernetes pkg/registry/core/service/storage/alloc.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api.errors import FieldError, StatusError, internal, invalid_value
from controlplane.api.strategies.service_addresses import (
    choose_ip,
    choose_node_port,
    claim_ip,
    claim_node_port,
)
from controlplane.api.strategies.service_defaults import (
    ADDRESSED_TYPES,
    EXPOSED_TYPES,
    is_addressed,
)
from controlplane.api.strategies.tree import children, number, texts
from netcore.model.errors import AllocationError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from controlplane.api.strategies.service_index import Pool, Taken
    from controlplane.api.strategies.tree import Object
    from controlplane.config import IPNetwork


def keep_allocations(spec: Object, old: Object) -> None:
    """An update that leaves allocated fields out means: as they were."""
    if old.get("type") in ADDRESSED_TYPES and spec.get("type") in ADDRESSED_TYPES:
        if not spec.get("clusterIP") and not spec.get("clusterIPs"):
            _copy(spec, old, "clusterIP", "clusterIPs")
        _copy(spec, old, *(f for f in ("ipFamilies", "ipFamilyPolicy") if not spec.get(f)))
    if old.get("type") in EXPOSED_TYPES and spec.get("type") in EXPOSED_TYPES:
        known = {_pair(port): port.get("nodePort") for port in children(old, "ports")}
        for port in children(spec, "ports"):
            kept = known.get(_pair(port))
            if not port.get("nodePort") and kept:
                port["nodePort"] = kept
        if not spec.get("healthCheckNodePort"):
            _copy(spec, old, "healthCheckNodePort")


def _pair(port: Object) -> tuple[Any, Any]:
    return port.get("protocol"), port.get("port")


def drop_other_types_fields(spec: Object, old: Object) -> None:
    """A changed type takes its fields with it, where the client left them as they were."""
    if spec.get("type") == "ExternalName" and old.get("type") in ADDRESSED_TYPES:
        for field in (
            "clusterIP",
            "clusterIPs",
            "ipFamilies",
            "ipFamilyPolicy",
            "internalTrafficPolicy",
        ):
            if spec.get(field) == old.get(field):
                spec.pop(field, None)
    if old.get("type") in EXPOSED_TYPES and spec.get("type") not in EXPOSED_TYPES:
        held = {port.get("nodePort") for port in children(old, "ports")}
        for port in children(spec, "ports"):
            if port.get("nodePort") in held:
                port.pop("nodePort", None)
        spec.pop("externalTrafficPolicy", None)
        spec.pop("healthCheckNodePort", None)
        spec.pop("allocateLoadBalancerNodePorts", None)


def _copy(spec: Object, old: Object, *fields: str) -> None:
    for field in fields:
        if field in old:
            spec[field] = old[field]


def normalise_cluster_ips(spec: Object) -> None:
    """Makes clusterIP and clusterIPs agree where only one of them is given."""
    if spec.get("clusterIP") in ("", None):
        spec.pop("clusterIP", None)
    ips = texts(spec, "clusterIPs")
    if ips and "clusterIP" not in spec:
        spec["clusterIP"] = ips[0]
    elif not ips and spec.get("clusterIP"):
        spec["clusterIPs"] = [spec["clusterIP"]]


def allocate(
    spec: Object, taken: Taken, cidrs: Sequence[IPNetwork], random: Random
) -> list[FieldError]:
    """Gives a cluster IP of each of its families, and node ports, that nobody else has.

    `spec` has its families (`settle_families`), `cidrs` one range of each. What the Service
    itself held before is free for it.
    """
    errors = []
    if is_addressed(spec):
        errors += _allocate_ips(spec, taken.ips, cidrs, random)
    if spec.get("type") in EXPOSED_TYPES:
        errors += _allocate_node_ports(spec, taken.node_ports, random)
    return errors


def _allocate_ips(
    spec: Object, taken: Pool[str], cidrs: Sequence[IPNetwork], random: Random
) -> list[FieldError]:
    by_family = {f"IPv{cidr.version}": cidr for cidr in cidrs}
    wanted = texts(spec, "clusterIPs")
    given, errors = [], []
    for index, family in enumerate(texts(spec, "ipFamilies")):
        cidr = by_family[family]
        if index >= len(wanted):
            given.append(_choose_ip(cidr, taken, random))
            continue
        text = wanted[index]
        try:
            given.append(str(claim_ip(cidr, taken, text)))
        except AllocationError as error:
            detail = f"failed to allocate IP {text}: {error}"
            errors.append(invalid_value("spec.clusterIPs", wanted, detail))
    if not errors:
        spec["clusterIPs"] = [*wanted, *given[len(wanted) :]]
        spec["clusterIP"] = spec["clusterIPs"][0]
    return errors


def _choose_ip(cidr: IPNetwork, taken: Pool[str], random: Random) -> str:
    try:
        return str(choose_ip(cidr, taken, random))
    except AllocationError as error:
        raise _exhausted("a serviceIP", error, f"the service CIDR {cidr}") from error


def _allocate_node_ports(
    spec: Object, taken: Pool[tuple[str, int]], random: Random
) -> list[FieldError]:
    if spec["type"] == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is False:
        return []
    errors = []
    for index, port in enumerate(children(spec, "ports")):
        protocol = str(port.get("protocol"))
        wanted = number(port.get("nodePort"))
        try:
            if wanted:
                given = claim_node_port(protocol, taken, wanted)
            else:
                given = _shared_node_port(spec, port) or choose_node_port(protocol, taken, random)
        except AllocationError as error:
            if not wanted:
                raise _exhausted("a nodePort", error, "node ports 30000-32767") from error
            errors.append(invalid_value(f"spec.ports[{index}].nodePort", wanted, str(error)))
            continue
        port["nodePort"] = given
        taken.add((protocol, given))
    return errors


def _shared_node_port(spec: Object, port: Object) -> int | None:
    """The same port number over TCP and UDP shares one node port, as for DNS."""
    for other in children(spec, "ports"):
        same = other.get("port") == port.get("port")
        if same and other.get("protocol") != port.get("protocol") and other.get("nodePort"):
            return number(other["nodePort"])
    return None


def _exhausted(what: str, error: AllocationError, pool: str) -> StatusError:
    return internal(f"failed to allocate {what}: {error} ({pool}: delete Services to free some)")
