"""What makes a PodSpec invalid. Source: Kubernetes pkg/apis/core/validation/validation.go."""

from __future__ import annotations

from ipaddress import ip_address
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
from controlplane.api.strategies.container_validation import validate_container
from controlplane.api.strategies.names import dns_label, dns_subdomain
from controlplane.api.strategies.pod_defaults import CONTAINER_LISTS
from controlplane.api.strategies.tree import child, children, number, texts
from controlplane.api.strategies.volume_validation import validate_volume

if TYPE_CHECKING:
    from controlplane.api.strategies.tree import Object

_RESTART_POLICIES = ["Always", "OnFailure", "Never"]
_DNS_POLICIES = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"]
_EFFECTS = ["NoSchedule", "PreferNoSchedule", "NoExecute"]

IMMUTABLE_SPEC = (
    "pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only "
    "additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set "
    "to 1 if it was previously negative)"
)


def validate_pod_spec(spec: Object, path: str) -> list[FieldError]:
    """All that is wrong with a defaulted PodSpec at `path`."""
    errors: list[FieldError] = []
    volumes: set[str] = set()
    for index, volume in enumerate(children(spec, "volumes")):
        errors += _validate_name(volume, f"{path}.volumes[{index}]", volumes)
        errors += validate_volume(volume, f"{path}.volumes[{index}]")
    errors += _validate_containers(spec, path, volumes)
    errors += _choice(spec, path, "restartPolicy", _RESTART_POLICIES)
    errors += _choice(spec, path, "dnsPolicy", _DNS_POLICIES)
    errors += _validate_dns_config(spec, path)
    errors += _validate_host_aliases(spec, path)
    errors += validate_labels(child(spec, "nodeSelector"), f"{path}.nodeSelector")
    errors += _validate_tolerations(spec, path)
    for field in ("hostname", "subdomain"):
        if spec.get(field):
            errors += _named(spec, path, field, dns_label(str(spec[field])))
    for field in ("nodeName", "serviceAccountName"):
        if spec.get(field):
            errors += _named(spec, path, field, dns_subdomain(str(spec[field])))
    grace = number(spec.get("terminationGracePeriodSeconds"))
    if grace is not None and grace < 0:
        detail = "must be greater than or equal to 0"
        errors.append(invalid_value(f"{path}.terminationGracePeriodSeconds", grace, detail))
    return errors


def _named(spec: Object, path: str, field: str, wrong: list[str]) -> list[FieldError]:
    return [invalid_value(f"{path}.{field}", spec[field], text) for text in wrong]


def _choice(spec: Object, path: str, field: str, supported: list[str]) -> list[FieldError]:
    value = spec.get(field)
    return [] if value in supported else [not_supported(f"{path}.{field}", value, supported)]


def _validate_name(item: Object, path: str, seen: set[str]) -> list[FieldError]:
    name = item.get("name") or ""
    if not name:
        return [required(f"{path}.name")]
    errors = [invalid_value(f"{path}.name", name, text) for text in dns_label(name)]
    if name in seen:
        errors.append(duplicate(f"{path}.name", name))
    seen.add(name)
    return errors


def _validate_containers(spec: Object, path: str, volumes: set[str]) -> list[FieldError]:
    if not children(spec, "containers"):
        return [required(f"{path}.containers")]
    errors: list[FieldError] = []
    names: set[str] = set()
    for field in CONTAINER_LISTS:
        host_ports: set[tuple[Any, ...]] = set()
        for index, container in enumerate(children(spec, field)):
            at = f"{path}.{field}[{index}]"
            errors += _validate_name(container, at, names)
            errors += validate_container(container, at, volumes, host_ports)
    return errors


def _validate_dns_config(spec: Object, path: str) -> list[FieldError]:
    config = child(spec, "dnsConfig")
    if spec.get("dnsPolicy") == "None" and not config.get("nameservers"):
        detail = "must provide at least one DNS nameserver when `dnsPolicy` is None"
        return [required(f"{path}.dnsConfig.nameservers", detail)]
    servers = texts(config, "nameservers")
    errors = []
    if len(servers) > 3:
        detail = "must not have more than 3 nameservers"
        errors.append(invalid_value(f"{path}.dnsConfig.nameservers", servers, detail))
    for index, server in enumerate(servers):
        errors += _address(f"{path}.dnsConfig.nameservers[{index}]", server)
    for index, search in enumerate(texts(config, "searches")):
        at = f"{path}.dnsConfig.searches[{index}]"
        name = search.removesuffix(".").replace("_", "-")  # underscores are fine in search paths
        errors += [invalid_value(at, search, text) for text in dns_subdomain(name) if name]
    for index, option in enumerate(children(config, "options")):
        if not option.get("name"):
            errors.append(required(f"{path}.dnsConfig.options[{index}]", "must not be empty"))
    return errors


def _validate_host_aliases(spec: Object, path: str) -> list[FieldError]:
    errors = []
    for index, alias in enumerate(children(spec, "hostAliases")):
        at = f"{path}.hostAliases[{index}]"
        errors += _address(f"{at}.ip", str(alias.get("ip") or ""))
        for position, name in enumerate(texts(alias, "hostnames")):
            where = f"{at}.hostnames[{position}]"
            errors += [invalid_value(where, name, text) for text in dns_subdomain(name)]
    return errors


def _address(path: str, text: str) -> list[FieldError]:
    try:
        ip_address(text)
    except ValueError:
        detail = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
        return [invalid_value(path, text, detail)]
    return []


def _validate_tolerations(spec: Object, path: str) -> list[FieldError]:
    errors = []
    for index, toleration in enumerate(children(spec, "tolerations")):
        at = f"{path}.tolerations[{index}]"
        operator = toleration.get("operator") or "Equal"
        if operator not in ("Equal", "Exists"):
            errors.append(not_supported(f"{at}.operator", operator, ["Equal", "Exists"]))
        if operator == "Exists" and toleration.get("value"):
            detail = "value must be empty when `operator` is 'Exists'"
            errors.append(invalid_value(f"{at}.operator", toleration["value"], detail))
        if not toleration.get("key") and operator != "Exists":
            detail = "operator must be Exists when `key` is empty, which means 'match all values "
            errors.append(invalid_value(f"{at}.operator", operator, detail + "and all keys'"))
        effect = toleration.get("effect")
        if effect and effect not in _EFFECTS:
            errors.append(not_supported(f"{at}.effect", effect, _EFFECTS))
    return errors


def validate_pod_change(spec: Object, old: Object) -> list[FieldError]:
    """A Pod's spec stays as it is but for a few fields."""
    if _fixed_part(spec) != _fixed_part(old) or _lost_tolerations(spec, old):
        return [field_forbidden("spec", IMMUTABLE_SPEC)]
    return []


def _fixed_part(spec: Object) -> Object:
    changeable = ("tolerations", "activeDeadlineSeconds", "ephemeralContainers", *CONTAINER_LISTS)
    fixed: Object = {key: value for key, value in spec.items() if key not in changeable}
    for field in ("initContainers", "containers"):
        fixed[field] = [
            {key: value for key, value in container.items() if key != "image"}
            for container in children(spec, field)
        ]
    return fixed


def _lost_tolerations(spec: Object, old: Object) -> bool:
    kept = children(spec, "tolerations")
    return any(toleration not in kept for toleration in children(old, "tolerations"))
