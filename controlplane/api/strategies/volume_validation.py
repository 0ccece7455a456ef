"""What makes a volume of a PodSpec invalid. Source: pkg/apis/core/validation/validation.go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api.errors import FieldError, field_forbidden, invalid_value, required
from controlplane.api.strategies.tree import child, children, number

if TYPE_CHECKING:
    from controlplane.api.strategies.tree import Object

_MODE_RANGE = "must be a number between 0 and 0777 (octal), both inclusive"
_MIN_TOKEN_S = 600
_MAX_TOKEN_S = 1 << 32
_FIELDS = ("annotations", "labels", "name", "namespace", "uid")


def validate_volume(volume: Object, path: str) -> list[FieldError]:
    """All that is wrong with a volume besides its name."""
    kinds = [kind for kind in volume if kind != "name" and volume[kind] is not None]
    if not kinds:
        return [required(path, "must specify a volume type")]
    errors = [
        field_forbidden(f"{path}.{extra}", "may not specify more than 1 volume type")
        for extra in sorted(kinds)[1:]
    ]
    if len(kinds) > 1:
        return errors
    at, source = f"{path}.{kinds[0]}", child(volume, kinds[0])
    match kinds[0]:
        case "configMap":
            return _named(source, at, "name") + _keyed(source, at)
        case "secret":
            return _named(source, at, "secretName") + _keyed(source, at)
        case "persistentVolumeClaim":
            return _named(source, at, "claimName")
        case "hostPath":
            return _named(source, at, "path")
        case "downwardAPI":
            return _mode(source, "defaultMode", at) + _downward(source, at)
        case "projected":
            return _mode(source, "defaultMode", at) + _projected(source, at)
    return []


def _named(source: Object, path: str, field: str) -> list[FieldError]:
    return [] if source.get(field) else [required(f"{path}.{field}")]


def _mode(source: Object, field: str, path: str) -> list[FieldError]:
    mode = number(source.get(field))
    if mode is None or 0 <= mode <= 0o777:
        return []
    return [invalid_value(f"{path}.{field}", mode, _MODE_RANGE)]


def _keyed(source: Object, path: str) -> list[FieldError]:
    errors = _mode(source, "defaultMode", path)
    for index, item in enumerate(children(source, "items")):
        at = f"{path}.items[{index}]"
        if not item.get("key"):
            errors.append(required(f"{at}.key"))
        errors += _relative(item.get("path"), f"{at}.path") + _mode(item, "mode", at)
    return errors


def _relative(place: Any, path: str) -> list[FieldError]:
    if not place:
        return [required(path)]
    parts = str(place).split("/")
    if str(place).startswith("/"):
        return [invalid_value(path, place, "must be a relative path")]
    if ".." in parts:
        return [invalid_value(path, place, "must not contain '..'")]
    if parts[0].startswith(".."):
        return [invalid_value(path, place, "must not start with '..'")]
    return []


def _downward(source: Object, path: str) -> list[FieldError]:
    errors = []
    for index, item in enumerate(children(source, "items")):
        at = f"{path}.items[{index}]"
        errors += _relative(item.get("path"), f"{at}.path") + _mode(item, "mode", at)
        field, resource = item.get("fieldRef"), item.get("resourceFieldRef")
        if field and resource:
            detail = "fieldRef and resourceFieldRef can not be specified simultaneously"
            errors.append(invalid_value(at, "resource", detail))
        elif field:
            errors += _field(str(child(item, "fieldRef").get("fieldPath", "")), f"{at}.fieldRef")
        elif resource:
            errors += _named(child(item, "resourceFieldRef"), f"{at}.resourceFieldRef", "resource")
        else:
            errors.append(required(at, "one of fieldRef and resourceFieldRef is required"))
    return errors


def _field(text: str, path: str) -> list[FieldError]:
    """Only what is known of a pod before it runs can be in a volume."""
    name = text.removeprefix("metadata.").partition("[")[0]
    if text.startswith("metadata.") and name in _FIELDS:
        return []
    detail = f"error converting fieldPath: field label not supported: {text}"
    return [invalid_value(f"{path}.fieldPath", text, detail)]


def _projected(source: Object, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, each in enumerate(children(source, "sources")):
        at = f"{path}.sources[{index}]"
        kinds = sorted(kind for kind in each if each[kind] is not None)
        if len(kinds) != 1:
            errors += [
                field_forbidden(f"{at}.{extra}", "may not specify more than 1 volume type")
                for extra in kinds[1:]
            ]
            if not kinds:
                errors.append(required(at))
            continue
        body = child(each, kinds[0])
        match kinds[0]:
            case "configMap" | "secret":
                errors += _named(body, f"{at}.{kinds[0]}", "name")
                errors += _keyed(body, f"{at}.{kinds[0]}")
            case "downwardAPI":
                errors += _downward(body, f"{at}.downwardAPI")
            case "serviceAccountToken":
                errors += _token(body, f"{at}.serviceAccountToken")
    return errors


def _token(source: Object, path: str) -> list[FieldError]:
    errors = _relative(source.get("path"), f"{path}.path")
    seconds = number(source.get("expirationSeconds"))
    if seconds is not None and seconds < _MIN_TOKEN_S:
        detail = "may not specify a duration less than 10 minutes"
        errors.append(invalid_value(f"{path}.expirationSeconds", seconds, detail))
    if seconds is not None and seconds > _MAX_TOKEN_S:
        detail = "may not specify a duration larger than 2^32 seconds"
        errors.append(invalid_value(f"{path}.expirationSeconds", seconds, detail))
    return errors
