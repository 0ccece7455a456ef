"""What makes a container invalid. Source: Kubernetes pkg/apis/core/validation/validation.go."""

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
from controlplane.api.strategies.names import env_name, port_name, port_number
from controlplane.api.strategies.pod_defaults import PROBES
from controlplane.api.strategies.tree import child, children, number

if TYPE_CHECKING:
    from controlplane.api.strategies.tree import Object

_PROTOCOLS = ["SCTP", "TCP", "UDP"]
_PULL_POLICIES = ["Always", "IfNotPresent", "Never"]
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")


def validate_container(
    container: Object, path: str, volumes: set[str], host_ports: set[tuple[Any, ...]]
) -> list[FieldError]:
    """All that is wrong with a container besides its name.

    `volumes` are the pod's; `host_ports` collects what the containers of a pod take.
    """
    errors = _validate_image(container, path)
    errors += _validate_ports(container, path, host_ports)
    errors += _validate_env(container, path)
    errors += _validate_mounts(container, path, volumes)
    errors += _validate_resources(container, path)
    for field in PROBES:
        if isinstance(container.get(field), dict):
            errors += _validate_probe(container[field], f"{path}.{field}", field)
    return errors


def _validate_image(container: Object, path: str) -> list[FieldError]:
    image = container.get("image") or ""
    errors = []
    if not image:
        errors.append(required(f"{path}.image"))
    elif str(image).strip() != image:
        detail = "must not have leading or trailing whitespace"
        errors.append(invalid_value(f"{path}.image", image, detail))
    policy = container.get("imagePullPolicy")
    if policy not in _PULL_POLICIES:
        errors.append(not_supported(f"{path}.imagePullPolicy", policy, _PULL_POLICIES))
    return errors


def _validate_ports(
    container: Object, path: str, host_ports: set[tuple[Any, ...]]
) -> list[FieldError]:
    errors: list[FieldError] = []
    names: set[str] = set()
    for index, port in enumerate(children(container, "ports")):
        at = f"{path}.ports[{index}]"
        name = port.get("name")
        if name:
            errors += [invalid_value(f"{at}.name", name, text) for text in port_name(str(name))]
            if name in names:
                errors.append(duplicate(f"{at}.name", name))
            names.add(name)
        errors += _validate_port_numbers(port, at, host_ports)
        if port.get("protocol") not in _PROTOCOLS:
            errors.append(not_supported(f"{at}.protocol", port.get("protocol"), _PROTOCOLS))
    return errors


def _validate_port_numbers(
    port: Object, path: str, host_ports: set[tuple[Any, ...]]
) -> list[FieldError]:
    value = number(port.get("containerPort")) or 0
    if not value:
        return [required(f"{path}.containerPort")]
    errors = [invalid_value(f"{path}.containerPort", value, text) for text in port_number(value)]
    host_port = number(port.get("hostPort")) or 0
    if host_port:
        wrong = port_number(host_port)
        errors += [invalid_value(f"{path}.hostPort", host_port, text) for text in wrong]
        taken = (port.get("protocol"), port.get("hostIP") or "", host_port)
        if taken in host_ports:
            shown = f"{taken[0]}/{taken[1]}/{host_port}"
            errors.append(duplicate(f"{path}.hostPort", shown))
        host_ports.add(taken)
    return errors


def _validate_env(container: Object, path: str) -> list[FieldError]:
    errors = []
    for index, variable in enumerate(children(container, "env")):
        at = f"{path}.env[{index}]"
        name = variable.get("name") or ""
        if not name:
            errors.append(required(f"{at}.name"))
        else:
            errors += [invalid_value(f"{at}.name", name, text) for text in env_name(str(name))]
        if variable.get("value") and variable.get("valueFrom"):
            detail = "may not be specified when `value` is not empty"
            errors.append(invalid_value(f"{at}.valueFrom", "", detail))
    return errors


def _validate_mounts(container: Object, path: str, volumes: set[str]) -> list[FieldError]:
    errors = []
    places: set[str] = set()
    for index, mount in enumerate(children(container, "volumeMounts")):
        at = f"{path}.volumeMounts[{index}]"
        name, place = mount.get("name") or "", mount.get("mountPath") or ""
        if not name:
            errors.append(required(f"{at}.name"))
        elif name not in volumes:
            errors.append(FieldError(f"{at}.name", f'Not found: "{name}"', "FieldValueNotFound"))
        if not place:
            errors.append(required(f"{at}.mountPath"))
        elif place in places:
            errors.append(invalid_value(f"{at}.mountPath", place, "must be unique"))
        places.add(place)
    return errors


def _validate_resources(container: Object, path: str) -> list[FieldError]:
    limits = child(container, "resources", "limits")
    requests = child(container, "resources", "requests")
    errors = []
    for resource, wanted in requests.items():
        limit = limits.get(resource)
        if limit is not None and (quantity(wanted) or 0) > (quantity(limit) or 0):
            detail = f"must be less than or equal to {resource} limit of {limit}"
            errors.append(invalid_value(f"{path}.resources.requests", str(wanted), detail))
    for kind, amounts in (("limits", limits), ("requests", requests)):
        for resource, amount in amounts.items():
            if (quantity(amount) or 0) < 0:
                at = f"{path}.resources.{kind}[{resource}]"
                detail = "must be greater than or equal to 0"
                errors.append(invalid_value(at, str(amount), detail))
    return errors


_SUFFIXES = {
    "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50, "Ei": 2.0**60,
}  # fmt: skip


def quantity(value: Any) -> float | None:
    """A resource.Quantity as a number, None when it is none (apimachinery pkg/api/resource)."""
    text = str(value)
    for suffix in (text[-2:], text[-1:]):
        if suffix in _SUFFIXES and len(text) > len(suffix):
            text = text[: -len(suffix)]
            factor = _SUFFIXES[suffix]
            break
    else:
        factor = 1.0
    try:
        return float(text) * factor
    except ValueError:
        return None


def _validate_probe(probe: Object, path: str, field: str) -> list[FieldError]:
    handlers = [name for name in _HANDLERS if isinstance(probe.get(name), dict)]
    errors = []
    if not handlers:
        errors.append(required(path, "must specify a handler type"))
    for extra in handlers[1:]:
        detail = "may not specify more than 1 handler type"
        errors.append(field_forbidden(f"{path}.{extra}", detail))
    for name in handlers[:1]:
        errors += _validate_handler(probe[name], f"{path}.{name}", name)
    if field != "readinessProbe" and probe.get("successThreshold") != 1:
        detail = "must be 1"
        errors.append(
            invalid_value(f"{path}.successThreshold", probe.get("successThreshold"), detail)
        )
    for name in ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "failureThreshold"):
        value = number(probe.get(name))
        if value is not None and value < 0:
            detail = "must be greater than or equal to 0"
            errors.append(invalid_value(f"{path}.{name}", value, detail))
    return errors


def _validate_handler(handler: Object, path: str, name: str) -> list[FieldError]:
    if name == "exec":
        return [] if handler.get("command") else [required(f"{path}.command")]
    port = handler.get("port")
    wrong = port_name(port) if isinstance(port, str) else port_number(number(port) or 0)
    return [invalid_value(f"{path}.port", port, text) for text in wrong]
