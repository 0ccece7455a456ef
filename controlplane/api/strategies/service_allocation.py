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
    is_exposed,
    needs_health_check,
)
from controlplane.api.strategies.tree import child, children, grow, number, texts
from netcore.model.errors import AllocationError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from controlplane.api.strategies.service_index import Pool, Taken
    from controlplane.api.strategies.tree import Object
    from controlplane.config import IPNetwork


def keep_allocations(spec: Object, old: Object) -> None:
    """An update that leaves allocated fields out means: as they were.

    One that changes clusterIP alone means clusterIPs, too. Source: NormalizeClusterIPs and
    patchAllocatedValues of pkg/registry/core/service.
    """
    changed = spec.get("clusterIP") != old.get("clusterIP")
    if changed and old.get("clusterIP") and spec.get("clusterIPs") == old.get("clusterIPs"):
        spec.pop("clusterIPs", None)
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
    keeps_health_check = needs_health_check(old) and needs_health_check(spec)
    if keeps_health_check and not spec.get("healthCheckNodePort"):
        _copy(spec, old, "healthCheckNodePort")


def _pair(port: Object) -> tuple[Any, Any]:
    return port.get("protocol"), port.get("port")


def drop_other_types_fields(service: Object, old: Object) -> None:
    """A changed type takes its fields with it, where the client left them as they were.

    Source: dropTypeDependentFields of pkg/registry/core/service/strategy.go.
    """
    spec, before = grow(service, "spec"), child(old, "spec")
    if before.get("type") in ADDRESSED_TYPES and spec.get("type") not in ADDRESSED_TYPES:
        _drop_same(spec, before, "clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy")
        _drop_same(spec, before, "internalTrafficPolicy")
    if before.get("type") in EXPOSED_TYPES and spec.get("type") not in EXPOSED_TYPES:
        held = {port.get("nodePort") for port in children(before, "ports")}
        for port in children(spec, "ports"):
            if port.get("nodePort") in held:
                port.pop("nodePort", None)
    if not needs_health_check(spec):
        _drop_same(spec, before, "healthCheckNodePort")
    if not is_exposed(spec):
        _drop_same(spec, before, "externalTrafficPolicy")
    if spec.get("type") != "LoadBalancer":
        _drop_same(spec, before, "allocateLoadBalancerNodePorts", "loadBalancerClass")
        if "status" in service:
            service["status"]["loadBalancer"] = {}


def _drop_same(spec: Object, old: Object, *fields: str) -> None:
    for field in fields:
        if field in spec and spec[field] == old.get(field):
            del spec[field]


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
    if needs_health_check(spec):
        errors += _allocate_health_check_port(spec, taken.node_ports, random)
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


def _allocate_node_ports(spec: Object, taken: Pool[int], random: Random) -> list[FieldError]:
    none_unasked = spec["type"] == "LoadBalancer" and (
        spec.get("allocateLoadBalancerNodePorts") is False
    )
    errors: list[FieldError] = []
    own: set[int] = set()
    # Those that ask for one first: others may share it.
    ports = sorted(enumerate(children(spec, "ports")), key=lambda each: not each[1].get("nodePort"))
    for index, port in ports:
        wanted = number(port.get("nodePort")) or 0
        if not wanted and (none_unasked or errors):
            continue
        try:
            given = wanted or _shared_node_port(spec, port) or choose_node_port(taken, random)
            if given not in own:  # of its own it may have one for several protocols
                claim_node_port(taken, given)
        except AllocationError as error:
            if not wanted:
                raise _exhausted("a nodePort", error, "node ports 30000-32767") from error
            errors.append(invalid_value(f"spec.ports[{index}].nodePort", wanted, str(error)))
            continue
        port["nodePort"] = given
        own.add(given)
        taken.add(given)
    return errors


def _shared_node_port(spec: Object, port: Object) -> int | None:
    """The same port number over TCP and UDP shares one node port, as for DNS."""
    for other in children(spec, "ports"):
        same = other.get("port") == port.get("port")
        if same and other.get("protocol") != port.get("protocol") and other.get("nodePort"):
            return number(other["nodePort"])
    return None


def _allocate_health_check_port(spec: Object, taken: Pool[int], random: Random) -> list[FieldError]:
    wanted = number(spec.get("healthCheckNodePort"))
    try:
        if wanted:
            claim_node_port(taken, wanted)
        else:
            spec["healthCheckNodePort"] = choose_node_port(taken, random)
    except AllocationError as error:
        if not wanted:
            raise _exhausted("a HealthCheck NodePort", error, "node ports 30000-32767") from error
        detail = f"failed to allocate requested HealthCheck NodePort {wanted}: {error}"
        return [invalid_value("spec.healthCheckNodePort", wanted, detail)]
    return []


def _exhausted(what: str, error: AllocationError, pool: str) -> StatusError:
    return internal(f"failed to allocate {what}: {error} ({pool}: delete Services to free some)")
