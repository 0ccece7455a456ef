"""What is wrong with how a Service is reached from outside: balancers, policies, health checks.

Source: Kubernetes pkg/apis/core/validation/validation.go (ValidateService,
validateLoadBalancerClassField, validateServiceExternalTrafficPolicy, ValidateLoadBalancerStatus).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.api.errors import (
    FieldError,
    field_forbidden,
    invalid_value,
    not_supported,
    required,
)
from controlplane.api.strategies.addresses import cidr_text, ip_text
from controlplane.api.strategies.names import dns_subdomain, port_number, qualified_name
from controlplane.api.strategies.service_defaults import is_exposed, needs_health_check
from controlplane.api.strategies.tree import child, children, number, texts

if TYPE_CHECKING:
    from controlplane.api.strategies.tree import Object

SOURCE_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
_ONLY_BALANCERS = "may only be used when `type` is 'LoadBalancer'"
_POLICIES = ["Cluster", "Local"]
_IP_MODES = ["Proxy", "VIP"]


def validate_exposure(service: Object) -> list[FieldError]:
    """The fields of balancers and of the external traffic policy."""
    spec = child(service, "spec")
    errors = _validate_source_ranges(service, spec)
    if spec.get("type") != "LoadBalancer":
        errors += [
            field_forbidden(f"spec.{field}", _ONLY_BALANCERS)
            for field in ("allocateLoadBalancerNodePorts", "loadBalancerClass")
            if spec.get(field) is not None
        ]
    elif isinstance(spec.get("loadBalancerClass"), str):
        name = spec["loadBalancerClass"]
        wrong = qualified_name(name)
        errors += [invalid_value("spec.loadBalancerClass", name, text) for text in wrong]
    return errors + _validate_policy(spec) + _validate_health_check(spec)


def validate_exposure_change(spec: Object, old: Object) -> list[FieldError]:
    """What stays as it is for as long as the type stays."""
    errors = []
    if old.get("type") == spec.get("type") == "LoadBalancer":
        name = spec.get("loadBalancerClass")
        if name != old.get("loadBalancerClass"):
            errors.append(invalid_value("spec.loadBalancerClass", name, "may not change once set"))
    if needs_health_check(old) and needs_health_check(spec):
        # A Service from before there were any has none yet: the allocation gives it one.
        before = old.get("healthCheckNodePort")
        if before and spec.get("healthCheckNodePort") != before:
            errors.append(field_forbidden("spec.healthCheckNodePort", "field is immutable"))
    return errors


def validate_load_balancer_status(service: Object) -> list[FieldError]:
    """What whoever plays the cloud wrote into `status.loadBalancer`."""
    path = "status.loadBalancer.ingress"
    ingress = children(child(service, "status", "loadBalancer"), "ingress")
    if ingress and child(service, "spec").get("type") != "LoadBalancer":
        return [field_forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'")]
    errors = []
    for index, entry in enumerate(ingress):
        errors += _validate_ingress(entry, f"{path}[{index}]")
    return errors


def _validate_source_ranges(service: Object, spec: Object) -> list[FieldError]:
    ranges = texts(spec, "loadBalancerSourceRanges")
    annotation = child(service, "metadata", "annotations").get(SOURCE_RANGES)
    if ranges:
        path = "spec.LoadBalancerSourceRanges"  # sic
        places = [(f"{path}[{index}]", text.strip()) for index, text in enumerate(ranges)]
    elif isinstance(annotation, str):
        path = f"metadata.annotations[{SOURCE_RANGES}]"
        places = [(path, text.strip()) for text in annotation.split(",") if annotation.strip()]
    else:
        return []
    is_balancer = spec.get("type") == "LoadBalancer"
    errors = [] if is_balancer else [field_forbidden(path, _ONLY_BALANCERS)]
    return errors + [
        invalid_value(at, text, wrong) for at, text in places for wrong in cidr_text(text)
    ]


def _validate_policy(spec: Object) -> list[FieldError]:
    path, policy = "spec.externalTrafficPolicy", spec.get("externalTrafficPolicy")
    if not is_exposed(spec):
        detail = "may only be set for externally-accessible services"
        return [invalid_value(path, policy, detail)] if policy else []
    return [] if policy in _POLICIES else [not_supported(path, policy, _POLICIES)]


def _validate_health_check(spec: Object) -> list[FieldError]:
    path, port = "spec.healthCheckNodePort", number(spec.get("healthCheckNodePort"))
    if not port:
        return []
    if not needs_health_check(spec):
        detail = (
            "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        )
        return [invalid_value(path, port, detail)]
    return [invalid_value(path, port, text) for text in port_number(port)]


def _validate_ingress(entry: Object, path: str) -> list[FieldError]:
    address, name, mode = (entry.get(field) for field in ("ip", "hostname", "ipMode"))
    errors = []
    if isinstance(address, str) and address:
        errors += [invalid_value(f"{path}.ip", address, text) for text in ip_text(address)]
        if mode is None:
            errors.append(required(f"{path}.ipMode", "must be specified when `ip` is set"))
    elif mode is not None:
        detail = "may not be specified when `ip` is not set"
        return [*errors, field_forbidden(f"{path}.ipMode", detail)]
    if mode is not None and mode not in _IP_MODES:
        errors.append(not_supported(f"{path}.ipMode", mode, _IP_MODES))
    if isinstance(name, str) and name:
        errors += [invalid_value(f"{path}.hostname", name, text) for text in dns_subdomain(name)]
        if not ip_text(name):
            detail = "must be a DNS name, not an IP address"
            errors.append(invalid_value(f"{path}.hostname", name, detail))
    return errors
