"""What makes a Service invalid. Source: Kubernetes pkg/apis/core/validation/validation.go.

Errors come in the order in which the API server names them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.api.errors import (
    FieldError,
    invalid_value,
    not_supported,
    required,
)
from controlplane.api.metadata import validate_labels
from controlplane.api.strategies.addresses import ip_text, no_special_ip
from controlplane.api.strategies.names import dns_subdomain
from controlplane.api.strategies.service_defaults import EXPOSED_TYPES, is_headless
from controlplane.api.strategies.service_exposure_validation import (
    validate_exposure,
    validate_exposure_change,
    validate_load_balancer_status,
)
from controlplane.api.strategies.service_family_validation import (
    validate_families,
    validate_family_change,
)
from controlplane.api.strategies.service_port_validation import (
    validate_node_ports,
    validate_ports,
)
from controlplane.api.strategies.service_warnings import TOPOLOGY_HINTS, TOPOLOGY_MODE
from controlplane.api.strategies.tree import child, number, texts

if TYPE_CHECKING:
    from controlplane.api.strategies.tree import Object

_TYPES = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]
_POLICIES = ["Cluster", "Local"]
_DISTRIBUTIONS = ["PreferClose", "PreferSameNode", "PreferSameZone"]
_MAX_AFFINITY_S = 86400


def validate_service(service: Object, old: Object | None) -> list[FieldError]:
    """All that is wrong with a defaulted Service, before or after it got what it is allocated."""
    spec = child(service, "spec")
    errors = [] if old is None else _validate_update(spec, child(old, "spec"))
    errors += _validate_annotations(child(service, "metadata", "annotations"))
    errors += _validate_by_type(spec)
    errors += validate_ports(spec)
    errors += validate_labels(child(spec, "selector"), "spec.selector")
    errors += _validate_affinity(spec)
    errors += validate_families(spec)
    errors += _validate_external_ips(spec)
    errors += _validate_choice(spec, "type", _TYPES)
    errors += validate_node_ports(spec)
    errors += validate_exposure(service)
    for field, supported in (
        ("internalTrafficPolicy", _POLICIES),
        ("trafficDistribution", _DISTRIBUTIONS),
    ):
        if spec.get(field) is not None:
            errors += _validate_choice(spec, field, supported)
    return errors + validate_load_balancer_status(service)


def _validate_update(spec: Object, old: Object) -> list[FieldError]:
    return validate_family_change(spec, old) + validate_exposure_change(spec, old)


def _validate_choice(spec: Object, field: str, supported: list[str]) -> list[FieldError]:
    value = spec.get(field)
    return [] if value in supported else [not_supported(f"spec.{field}", value, supported)]


def _validate_annotations(annotations: Object) -> list[FieldError]:
    mode, hints = annotations.get(TOPOLOGY_MODE), annotations.get(TOPOLOGY_HINTS)
    if mode is None or hints is None or mode == hints:
        return []
    detail = f"must match annotations[{TOPOLOGY_HINTS}] when both are specified"
    return [invalid_value(f"metadata.annotations[{TOPOLOGY_MODE}]", mode, detail)]


def _validate_by_type(spec: Object) -> list[FieldError]:
    kind, errors = spec.get("type"), []
    if not spec.get("ports") and not is_headless(spec) and kind != "ExternalName":
        errors.append(required("spec.ports"))
    if kind in EXPOSED_TYPES and is_headless(spec):
        detail = f"may not be set to 'None' for {kind} services"
        errors.append(invalid_value("spec.clusterIPs[0]", "None", detail))
    if kind == "ExternalName":
        name = str(spec.get("externalName") or "").removesuffix(".")
        if not name:
            return [*errors, required("spec.externalName")]
        errors += [invalid_value("spec.externalName", name, text) for text in dns_subdomain(name)]
    return errors


def _validate_affinity(spec: Object) -> list[FieldError]:
    errors = _validate_choice(spec, "sessionAffinity", ["ClientIP", "None"])
    timeout = child(spec, "sessionAffinityConfig", "clientIP").get("timeoutSeconds")
    if timeout is not None and not 0 < (number(timeout) or 0) <= _MAX_AFFINITY_S:
        detail = f"must be greater than 0 and less than {_MAX_AFFINITY_S}"
        path = "spec.sessionAffinityConfig.clientIP.timeoutSeconds"
        errors.append(invalid_value(path, timeout, detail))
    return errors


def _validate_external_ips(spec: Object) -> list[FieldError]:
    return [
        invalid_value(f"spec.externalIPs[{index}]", text, wrong)
        for index, text in enumerate(texts(spec, "externalIPs"))
        for wrong in ip_text(text) or no_special_ip(text)
    ]
