"""Endpoints and EndpointSlices. Sources: pkg/apis/core/validation, pkg/apis/discovery."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.api.errors import (
    FieldError,
    FieldReason,
    duplicate,
    invalid_value,
    not_supported,
    required,
)
from controlplane.api.strategies.addresses import ip_text, no_special_ip
from controlplane.api.strategies.names import (
    dns_label,
    dns_subdomain,
    port_number,
    qualified_name,
)
from controlplane.api.strategies.tree import child, children, number, set_default, texts
from controlplane.api.strategy import BaseStrategy

if TYPE_CHECKING:
    from controlplane.api.strategies.tree import Object

_ADDRESS_TYPES = ["FQDN", "IPv4", "IPv6"]
_PROTOCOLS = ["SCTP", "TCP", "UDP"]
_MAX_ENDPOINTS = 1000
_MAX_ADDRESSES = 100
_MAX_HINTS = 8
_TOO_MANY: FieldReason = "FieldValueTooMany"


def _validate_ip(text: str, path: str, family: int = 0) -> list[FieldError]:
    wrong = ip_text(text, family) or no_special_ip(text)
    return [invalid_value(path, text, detail) for detail in wrong]


def _validate_ports(ports: list[Object], path: str) -> list[FieldError]:
    errors = []
    names: set[str] = set()
    for index, port in enumerate(ports):
        at = f"{path}[{index}]"
        name = str(port.get("name") or "")
        if name:
            errors += [invalid_value(f"{at}.name", name, text) for text in dns_label(name)]
        if name in names:
            errors.append(duplicate(f"{at}.name", name))
        names.add(name)
        value = number(port.get("port"))
        if value is not None:
            errors += [invalid_value(f"{at}.port", value, text) for text in port_number(value)]
        if port.get("protocol") not in _PROTOCOLS:
            errors.append(not_supported(f"{at}.protocol", port.get("protocol"), _PROTOCOLS))
        application = str(port.get("appProtocol") or "")
        if application:
            wrong = qualified_name(application)
            errors += [invalid_value(f"{at}.appProtocol", application, text) for text in wrong]
    return errors


class EndpointsStrategy(BaseStrategy):
    """The rules of core/v1 Endpoints."""

    def default(self, obj: Object) -> None:
        """Ports are TCP."""
        for subset in children(obj, "subsets"):
            for port in children(subset, "ports"):
                set_default(port, "protocol", "TCP")

    def validate(self, obj: Object, old: Object | None) -> list[FieldError]:
        """Subsets have addresses, addresses are usable, ports are ports."""
        errors = []
        for index, subset in enumerate(children(obj, "subsets")):
            path = f"subsets[{index}]"
            if not children(subset, "addresses") and not children(subset, "notReadyAddresses"):
                detail = "must specify `addresses` or `notReadyAddresses`"
                errors.append(required(path, detail))
            for field in ("addresses", "notReadyAddresses"):
                for position, address in enumerate(children(subset, field)):
                    at = f"{path}.{field}[{position}].ip"
                    errors += _validate_ip(str(address.get("ip", "")), at)
            errors += _validate_ports(children(subset, "ports"), f"{path}.ports")
        return errors


class EndpointSliceStrategy(BaseStrategy):
    """The rules of discovery.k8s.io/v1 EndpointSlices."""

    def default(self, obj: Object) -> None:
        """Ports are TCP and have a name, maybe an empty one."""
        for port in children(obj, "ports"):
            set_default(port, "protocol", "TCP")
            if port.get("name") is None:
                port["name"] = ""
        if obj.get("endpoints") is None:
            obj["endpoints"] = []

    def validate(self, obj: Object, old: Object | None) -> list[FieldError]:
        """A fixed address type, endpoints with addresses of it, ports."""
        kind = obj.get("addressType")
        errors = []
        if not kind:
            errors.append(required("addressType"))
        elif kind not in _ADDRESS_TYPES:
            errors.append(not_supported("addressType", kind, _ADDRESS_TYPES))
        if old is not None and old.get("addressType") != kind:
            errors.append(invalid_value("addressType", kind, "field is immutable"))
        endpoints = children(obj, "endpoints")
        if len(endpoints) > _MAX_ENDPOINTS:
            return [*errors, _too_many("endpoints", len(endpoints), _MAX_ENDPOINTS)]
        for index, endpoint in enumerate(endpoints):
            errors += _validate_endpoint(endpoint, f"endpoints[{index}]", str(kind))
        return errors + _validate_ports(children(obj, "ports"), "ports")


def _validate_endpoint(endpoint: Object, path: str, kind: str) -> list[FieldError]:
    addresses = texts(endpoint, "addresses")
    if not addresses:
        return [required(f"{path}.addresses", "must contain at least 1 address")]
    if len(addresses) > _MAX_ADDRESSES:
        return [_too_many(f"{path}.addresses", len(addresses), _MAX_ADDRESSES)]
    errors = []
    for index, address in enumerate(addresses):
        at = f"{path}.addresses[{index}]"
        if kind in ("IPv4", "IPv6"):
            errors += _validate_ip(address, at, int(kind[-1]))
        elif kind == "FQDN":
            errors += [invalid_value(at, address, text) for text in dns_subdomain(address)]
    for field, rule in (("nodeName", dns_subdomain), ("hostname", dns_label)):
        name = str(endpoint.get(field) or "")
        errors += [invalid_value(f"{path}.{field}", name, text) for text in rule(name) if name]
    return errors + _validate_hints(child(endpoint, "hints"), f"{path}.hints")


def _validate_hints(hints: Object, path: str) -> list[FieldError]:
    errors = []
    for field, rule in (("forZones", qualified_name), ("forNodes", dns_subdomain)):
        entries = children(hints, field)
        if len(entries) > _MAX_HINTS:
            errors.append(_too_many(f"{path}.{field}", len(entries), _MAX_HINTS))
            continue
        names: set[str] = set()
        for index, entry in enumerate(entries):
            at, name = f"{path}.{field}[{index}].name", str(entry.get("name") or "")
            if name in names:
                errors.append(duplicate(at, name))
            names.add(name)
            errors += [invalid_value(at, name, text) for text in rule(name)]
    return errors


def _too_many(path: str, count: int, most: int) -> FieldError:
    return FieldError(path, f"Too many: {count}: must have at most {most} items", _TOO_MANY)
