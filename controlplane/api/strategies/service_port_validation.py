"""What is wrong with the ports of a Service.

Source: Kubernetes pkg/apis/core/validation/validation.go (validateServicePort, ValidateService).
"""

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
from controlplane.api.strategies.names import dns_label, port_name, port_number, qualified_name
from controlplane.api.strategies.tree import children, number

if TYPE_CHECKING:
    from controlplane.api.strategies.tree import Object

_PROTOCOLS = ["SCTP", "TCP", "UDP"]


def validate_ports(spec: Object) -> list[FieldError]:
    """Each port alone: its name, number, protocol and target."""
    ports = children(spec, "ports")
    errors = []
    names: set[str] = set()
    for index, port in enumerate(ports):
        path = f"spec.ports[{index}]"
        errors += _validate_name(port, path, names, needed=len(ports) > 1)
        errors += _validate_port(port, path)
    return errors


def validate_node_ports(spec: Object) -> list[FieldError]:
    """The ports beside each other: node ports only where the type has them, nothing twice."""
    ports = list(enumerate(children(spec, "ports")))
    errors = []
    if spec.get("type") == "ClusterIP":
        detail = "may not be used when `type` is 'ClusterIP'"
        errors += [
            field_forbidden(f"spec.ports[{index}].nodePort", detail)
            for index, port in ports
            if port.get("nodePort")
        ]
    held: set[tuple[Any, Any]] = set()
    for index, port in ports:
        node_port = port.get("nodePort")
        if node_port and (port.get("protocol"), node_port) in held:
            errors.append(duplicate(f"spec.ports[{index}].nodePort", node_port))
        held.add((port.get("protocol"), node_port))
    pairs: set[tuple[Any, Any]] = set()
    for index, port in ports:
        pair = (port.get("protocol"), port.get("port"))
        if pair in pairs:
            shown = {key: port[key] for key in ("protocol", "port") if key in port}
            errors.append(duplicate(f"spec.ports[{index}]", shown))
        pairs.add(pair)
    return errors


def _validate_name(port: Object, path: str, names: set[str], *, needed: bool) -> list[FieldError]:
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
    if protocol not in _PROTOCOLS:
        errors.append(not_supported(f"{path}.protocol", protocol, _PROTOCOLS))
    target = port.get("targetPort")
    wrong = port_name(target) if isinstance(target, str) else port_number(number(target) or 0)
    errors += [invalid_value(f"{path}.targetPort", target, text) for text in wrong]
    application = port.get("appProtocol")
    if isinstance(application, str):
        wrong = qualified_name(application)
        errors += [invalid_value(f"{path}.appProtocol", application, text) for text in wrong]
    return errors
