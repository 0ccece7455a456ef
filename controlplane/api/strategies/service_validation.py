"""What makes a Service invalid. Source: Kubernetes pkg/apis/core/validation/validation.go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api.errors import (
    FieldError,
    duplicate,
    field_forbidden,
    invalid_value,
    not_supported,
    required,
)
from controlplane.api.metadata import validate_labels
from controlplane.api.strategies.names import (
    dns_label,
    dns_subdomain,
    port_name,
    port_number,
)
from controlplane.api.strategies.service_defaults import EXPOSED_TYPES, is_headless
from controlplane.api.strategies.service_family_validation import (
    INVALID_ADDRESS,
    is_address,
    validate_families,
    validate_family_change,
)
from controlplane.api.strategies.tree import child, children, number, texts

if TYPE_CHECKING:
    from controlplane.api.strategies.tree import Object

_TYPES = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]
PROTOCOLS = ["SCTP", "TCP", "UDP"]
_POLICIES = ["Cluster", "Local"]
_MAX_AFFINITY_S = 86400


def validate_service(service: Object, old: Object | None) -> list[FieldError]:
    """All that is wrong with a defaulted Service, in the order of its fields."""
    spec = child(service, "spec")
    errors = _validate_ports(spec)
    errors += _validate_choice(spec, "type", _TYPES)
    errors += validate_labels(child(spec, "selector"), "spec.selector")
    errors += _validate_affinity(spec)
    errors += validate_families(spec)
    errors += _validate_by_type(spec)
    for policy in ("internalTrafficPolicy", "externalTrafficPolicy"):
        if spec.get(policy) is not None:
            errors += _validate_choice(spec, policy, _POLICIES)
    errors += _validate_external_ips(spec)
    if old is not None:
        errors += validate_family_change(spec, child(old, "spec"))
    return errors


def _validate_choice(spec: Object, field: str, supported: list[str]) -> list[FieldError]:
    value = spec.get(field)
    return [] if value in supported else [not_supported(f"spec.{field}", value, supported)]


def _validate_ports(spec: Object) -> list[FieldError]:
    ports = children(spec, "ports")
    if not ports and not is_headless(spec) and spec.get("type") != "ExternalName":
        return [required("spec.ports")]
    errors = []
    names: set[str] = set()
    pairs: set[tuple[Any, Any]] = set()
    node_ports: set[tuple[Any, Any]] = set()
    for index, port in enumerate(ports):
        path = f"spec.ports[{index}]"
        errors += _validate_port_name(port, path, names, len(ports) > 1)
        errors += _validate_port(port, path)
        pair = (port.get("protocol"), port.get("port"))
        if pair in pairs:
            errors.append(duplicate(path, {k: port[k] for k in ("protocol", "port") if k in port}))
        pairs.add(pair)
        errors += _validate_node_port(spec, port, path, node_ports)
    return errors


def _validate_port_name(port: Object, path: str, names: set[str], needed: bool) -> list[FieldError]:
    name = port.get("name") or ""
    if not name:
        return [required(f"{path}.name")] if needed else []
    errors = [invalid_value(f"{path}.name", name, text) for text in dns_label(name)]
    if name in names:
        errors.append(duplicate(f"{path}.name", name))
    names.add(name)
    return errors


def _validate_port(port: Object, path: str) -> list[FieldError]:
    value = number(port.get("port")) or 0
    errors = [invalid_value(f"{path}.port", value, text) for text in port_number(value)]
    protocol = port.get("protocol")
    if protocol not in PROTOCOLS:
        errors.append(not_supported(f"{path}.protocol", protocol, PROTOCOLS))
    target = port.get("targetPort")
    wrong = port_name(target) if isinstance(target, str) else port_number(number(target) or 0)
    if not (errors and target == value):
        errors += [invalid_value(f"{path}.targetPort", target, text) for text in wrong]
    return errors


def _validate_node_port(
    spec: Object, port: Object, path: str, seen: set[tuple[Any, Any]]
) -> list[FieldError]:
    node_port = port.get("nodePort")
    if not node_port:
        return []
    if spec.get("type") not in EXPOSED_TYPES:
        detail = "may not be used when `type` is '" + str(spec.get("type")) + "'"
        return [field_forbidden(f"{path}.nodePort", detail)]
    pair = (port.get("protocol"), node_port)
    if pair in seen:
        return [duplicate(f"{path}.nodePort", node_port)]
    seen.add(pair)
    return []


def _validate_affinity(spec: Object) -> list[FieldError]:
    errors = _validate_choice(spec, "sessionAffinity", ["ClientIP", "None"])
    timeout = child(spec, "sessionAffinityConfig", "clientIP").get("timeoutSeconds")
    if timeout is not None and not 0 < (number(timeout) or 0) <= _MAX_AFFINITY_S:
        detail = f"must be greater than 0 and less than {_MAX_AFFINITY_S}"
        path = "spec.sessionAffinityConfig.clientIP.timeoutSeconds"
        errors.append(invalid_value(path, timeout, detail))
    return errors


def _validate_by_type(spec: Object) -> list[FieldError]:
    kind = spec.get("type")
    if kind == "ExternalName":
        name = str(spec.get("externalName") or "").rstrip(".")
        if not name:
            return [required("spec.externalName")]
        return [invalid_value("spec.externalName", name, text) for text in dns_subdomain(name)]
    if is_headless(spec) and kind in EXPOSED_TYPES:
        detail = f"may not be set to 'None' for {kind} services"
        return [invalid_value("spec.clusterIPs[0]", "None", detail)]
    if spec.get("externalTrafficPolicy") and kind not in EXPOSED_TYPES:
        detail = "may only be set for externally-accessible services"
        return [invalid_value("spec.externalTrafficPolicy", spec["externalTrafficPolicy"], detail)]
    return []


def _validate_external_ips(spec: Object) -> list[FieldError]:
    return [
        invalid_value(f"spec.externalIPs[{index}]", text, INVALID_ADDRESS)
        for index, text in enumerate(texts(spec, "externalIPs"))
        if not is_address(text)
    ]
