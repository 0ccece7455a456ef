"""ConfigMaps and Secrets: keys, sizes, immutability, stringData."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from controlplane.api.errors import (
    FieldError,
    field_forbidden,
    invalid_value,
    required,
    too_long,
)
from controlplane.api.strategies.names import config_key
from controlplane.api.strategies.tree import child, grow, set_default
from controlplane.api.strategy import BaseStrategy

if TYPE_CHECKING:
    from controlplane.api.strategies.tree import Object

MAX_BYTES = 1024 * 1024
_REQUIRED_KEYS = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}


def _validate_immutable(
    obj: Object, old: Object | None, fields: tuple[str, ...]
) -> list[FieldError]:
    if old is None or old.get("immutable") is not True:
        return []
    errors = []
    if obj.get("immutable") is not True:
        errors.append(field_forbidden("immutable", "field is immutable when `immutable` is set"))
    for field in fields:
        if (obj.get(field) or {}) != (old.get(field) or {}):
            detail = "field is immutable when `immutable` is set"
            errors.append(field_forbidden(field, detail))
    return errors


class ConfigMapStrategy(BaseStrategy):
    """The rules of core/v1 ConfigMaps."""

    def validate(self, obj: Object, old: Object | None) -> list[FieldError]:
        """Keys, size, and that an immutable one stays."""
        data, binary = child(obj, "data"), child(obj, "binaryData")
        errors = []
        for field, entries in (("data", data), ("binaryData", binary)):
            for key in entries:
                errors += [invalid_value(f"{field}[{key}]", key, text) for text in config_key(key)]
        for key in data.keys() & binary.keys():
            detail = "duplicate of key present in data"
            errors.append(invalid_value(f"binaryData[{key}]", key, detail))
        size = sum(len(str(value).encode()) for value in data.values())
        size += sum(len(str(value)) * 3 // 4 for value in binary.values())
        if size > MAX_BYTES:
            errors.append(too_long("", MAX_BYTES))
        return errors + _validate_immutable(obj, old, ("data", "binaryData"))


class SecretStrategy(BaseStrategy):
    """The rules of core/v1 Secrets."""

    def default(self, obj: Object) -> None:
        """The type; stringData becomes data, in base64."""
        set_default(obj, "type", "Opaque")
        plain = obj.pop("stringData", None)
        if isinstance(plain, dict):
            data = grow(obj, "data")
            for key, value in plain.items():
                data[key] = base64.b64encode(str(value).encode()).decode()

    def validate(self, obj: Object, old: Object | None) -> list[FieldError]:
        """Keys, base64, size, what the type needs, and that an immutable one stays."""
        data = child(obj, "data")
        errors = []
        size = 0
        for key, value in data.items():
            errors += [invalid_value(f"data[{key}]", key, text) for text in config_key(key)]
            try:
                size += len(base64.b64decode(str(value or ""), validate=True))
            except binascii.Error:
                errors.append(
                    invalid_value(f"data[{key}]", "<secret contents redacted>", "must be base64")
                )
        if size > MAX_BYTES:
            errors.append(too_long("data", MAX_BYTES))
        for key in _REQUIRED_KEYS.get(str(obj.get("type")), ()):
            if key not in data:
                errors.append(required(f"data[{key}]"))
        if old is not None and obj.get("type") != old.get("type"):
            errors.append(invalid_value("type", obj.get("type"), "field is immutable"))
        return errors + _validate_immutable(obj, old, ("data",))
