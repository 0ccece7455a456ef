"""ObjectMeta: what the server sets, what a client cannot change, what names may look like.

Sources: k8s.io/apimachinery pkg/api/validation (objectmeta.go) and pkg/util/validation.
"""

from __future__ import annotations

import re
import secrets
import uuid
from typing import TYPE_CHECKING, Any

from controlplane.api.errors import FieldError, FieldReason, field_forbidden, invalid_value
from controlplane.api.errors import required as required_value

if TYPE_CHECKING:
    from datetime import datetime

    from controlplane.api.resources import Resource

NAME_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""The letters of generated names: no vowels, so no words."""
_MAX_GENERATED = 63 - 5
_MAX_ANNOTATIONS_BYTES = 256 * 1024

_LABEL_1123 = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
_LABEL_1035 = re.compile(r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?")
_SUBDOMAIN_PART = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = re.compile(rf"{_SUBDOMAIN_PART}(\.{_SUBDOMAIN_PART})*")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")

_SUBDOMAIN_DETAIL = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
    r"for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_LABEL_DETAIL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used "
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_LABEL_1035_DETAIL = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
    "alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', "
    "regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
)
_LABEL_VALUE_DETAIL = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or "
    "'12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
_QUALIFIED_DETAIL = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)


def timestamp(now: datetime) -> str:
    """RFC 3339 in UTC with whole seconds, as metav1.Time."""
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")


def generated_name(base: str) -> str:
    """`base` (cut if need be) and five random letters; at most 63 characters."""
    return base[:_MAX_GENERATED] + "".join(secrets.choice(NAME_ALPHABET) for _ in range(5))


def stamp_new(obj: dict[str, Any], resource: Resource, now: datetime) -> None:
    """Sets uid, creationTimestamp and generation; takes away what a client cannot choose."""
    metadata = obj["metadata"]
    for name in ("deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "resourceVersion"):
        metadata.pop(name, None)
    metadata["uid"] = str(uuid.uuid4())
    metadata["creationTimestamp"] = timestamp(now)
    metadata.pop("generation", None)
    if resource.has_generation:
        metadata["generation"] = 1


_KEPT = (
    "uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds",
)  # fmt: skip


_OMITTED_WHEN_EMPTY = ("annotations", "labels", "finalizers", "ownerReferences", "managedFields")


def drop_empty(obj: dict[str, Any]) -> None:
    """Leave out what is empty, as the API's typed objects do (`omitempty`)."""
    about = obj["metadata"]
    for name in _OMITTED_WHEN_EMPTY:
        if name in about and not about[name]:
            del about[name]


def keep_identity(obj: dict[str, Any], old: dict[str, Any]) -> None:
    """Puts back what a client cannot change in an update (silently, as Kubernetes does)."""
    metadata, before = obj["metadata"], old["metadata"]
    for name in _KEPT:
        if name in before:
            metadata[name] = before[name]
        else:
            metadata.pop(name, None)
    metadata.pop("selfLink", None)


def validate_metadata(
    obj: dict[str, Any], old: dict[str, Any] | None, resource: Resource
) -> list[FieldError]:
    """All that is wrong with the metadata of a new (`old` None) or changed object."""
    metadata = obj["metadata"]
    errors: list[FieldError] = []
    if old is None:
        errors += _name_errors(metadata.get("name", ""), resource)
    errors += _label_errors(metadata.get("labels") or {})
    errors += _annotation_errors(metadata.get("annotations") or {})
    errors += _finalizer_errors(metadata, old)
    errors += _owner_errors(metadata.get("ownerReferences") or [])
    return errors


def _name_errors(name: str, resource: Resource) -> list[FieldError]:
    path = "metadata.name"
    if not name:
        return [required_value(path, "name or generateName is required")]
    if resource.group == "rbac.authorization.k8s.io":
        bad = name in (".", "..") or "/" in name or "%" in name
        return [invalid_value(path, name, "may not contain '/' or '%'")] if bad else []
    if resource.kind == "Service":
        return _match(path, name, _LABEL_1035, _LABEL_1035_DETAIL, 63)
    if resource.kind == "Namespace":
        return _match(path, name, _LABEL_1123, _LABEL_DETAIL, 63)
    if resource.kind == "IPAddress":
        return []
    return _match(path, name, _SUBDOMAIN, _SUBDOMAIN_DETAIL, 253)


def is_dns_subdomain(name: str) -> bool:
    """Whether it is a lower-case RFC 1123 subdomain."""
    return len(name) <= 253 and _SUBDOMAIN.fullmatch(name) is not None


def _match(
    path: str, value: str, pattern: re.Pattern[str], detail: str, limit: int
) -> list[FieldError]:
    errors = []
    if len(value) > limit:
        errors.append(invalid_value(path, value, f"must be no more than {limit} characters"))
    elif not pattern.fullmatch(value):
        errors.append(invalid_value(path, value, detail))
    return errors


def validate_labels(labels: dict[str, str], path: str) -> list[FieldError]:
    """What is wrong with a map of labels, wherever it stands."""
    errors = []
    for key, value in labels.items():
        errors += _key_errors(key, path)
        if len(value) > 63:
            errors.append(invalid_value(path, value, "must be no more than 63 characters"))
        elif not _LABEL_VALUE.fullmatch(value):
            errors.append(invalid_value(path, value, _LABEL_VALUE_DETAIL))
    return errors


def _label_errors(labels: dict[str, str]) -> list[FieldError]:
    return validate_labels(labels, "metadata.labels")


def _key_errors(key: str, path: str) -> list[FieldError]:
    prefix, slash, name = key.rpartition("/")
    if slash and not prefix:
        return [invalid_value(path, key, "prefix part must be non-empty")]
    if prefix and not is_dns_subdomain(prefix):
        return [invalid_value(path, key, f"prefix part {_SUBDOMAIN_DETAIL}")]
    if not name:
        return [invalid_value(path, key, "name part must be non-empty")]
    if len(name) > 63:
        return [invalid_value(path, key, "name part must be no more than 63 characters")]
    return [] if _QUALIFIED.fullmatch(name) else [invalid_value(path, key, _QUALIFIED_DETAIL)]


def _annotation_errors(annotations: dict[str, str]) -> list[FieldError]:
    path = "metadata.annotations"
    errors = [error for key in annotations for error in _key_errors(key.lower(), path)]
    size = sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())
    if size > _MAX_ANNOTATIONS_BYTES:
        reason: FieldReason = "FieldValueTooLong"
        message = f"Too long: may not be more than {_MAX_ANNOTATIONS_BYTES} bytes"
        errors.append(FieldError(path, message, reason))
    return errors


def _finalizer_errors(metadata: dict[str, Any], old: dict[str, Any] | None) -> list[FieldError]:
    path = "metadata.finalizers"
    finalizers = metadata.get("finalizers") or []
    errors = [error for name in finalizers for error in _key_errors(name, path)]
    if old is not None and old["metadata"].get("deletionTimestamp"):
        added = set(finalizers) - set(old["metadata"].get("finalizers") or ())
        if added:
            shown = ", ".join(f'"{name}"' for name in sorted(added))
            detail = "no new finalizers can be added if the object is being deleted"
            errors.append(field_forbidden(path, f"{detail}, found new finalizers [{shown}]"))
    return errors


def _owner_errors(owners: list[dict[str, Any]]) -> list[FieldError]:
    errors: list[FieldError] = []
    controllers = 0
    for index, owner in enumerate(owners):
        path = f"metadata.ownerReferences[{index}]"
        for name in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(name):
                errors.append(
                    invalid_value(f"{path}.{name}", owner.get(name, ""), "must not be empty")
                )
        controllers += bool(owner.get("controller"))
    if controllers > 1:
        detail = "Only one reference can have Controller set to true"
        errors.append(invalid_value("metadata.ownerReferences", "", detail))
    return errors
