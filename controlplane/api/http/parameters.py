"""The query parameters of requests, read as the API server reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from controlplane.api import errors
from controlplane.api.schemas.conform import FIELD_VALIDATION
from controlplane.api.strategy import DeleteOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

_TRUE = ("1", "t", "T", "TRUE", "true", "True")
_FALSE = ("", "0", "f", "F", "FALSE", "false", "False")
_INTEGER = re.compile("[+-]?[0-9]+")
_MAX_INT64 = 2**63 - 1
_MAX_DIGITS = 20
PROPAGATION = ("Background", "Foreground", "Orphan")


def boolean(query: Mapping[str, str], name: str) -> bool:
    """A flag as Go's ParseBool reads it; absent is false. Raises StatusError 400."""
    value = query.get(name, "")
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise errors.bad_request(
        f'strconv.ParseBool: parsing "{value}": invalid syntax (parameter {name})'
    )


def integer(query: Mapping[str, str], name: str) -> int | None:
    """A whole number >= 0, None when absent. Raises StatusError 400."""
    value = query.get(name, "")
    if not value:
        return None
    if not _INTEGER.fullmatch(value):
        raise errors.bad_request(
            f'strconv.ParseInt: parsing "{value}": invalid syntax (parameter {name})'
        )
    number = int(value) if len(value) <= _MAX_DIGITS else _MAX_INT64 + 1
    if number > _MAX_INT64:
        raise errors.bad_request(
            f'strconv.ParseInt: parsing "{value}": value out of range (parameter {name})'
        )
    if number < 0:
        raise errors.bad_request(f"{name} must not be negative, got {number}")
    return number


def _revision(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > _MAX_DIGITS:
        error = errors.invalid_value("resourceVersion", text, "strconv.ParseUint: invalid syntax")
        raise errors.invalid("ListOptions.meta.k8s.io", "", [error])
    return int(text)


@dataclass(frozen=True, slots=True)
class ListParameters:
    """What a list or a watch is asked for."""

    watch: bool
    limit: int
    continue_token: str | None
    revision: int | None
    """None: the newest. 0: any. With `exact`: that very state; else: not older than it."""
    exact: bool
    timeout_s: float | None
    bookmarks: bool
    initial_events: bool
    label_selector: str
    field_selector: str


def list_parameters(query: Mapping[str, str]) -> ListParameters:
    """Parsed and checked against each other. Raises StatusError 400 or 422."""
    match = query.get("resourceVersionMatch", "")
    parsed = ListParameters(
        watch=boolean(query, "watch"),
        limit=integer(query, "limit") or 0,
        continue_token=query.get("continue") or None,
        revision=_revision(query.get("resourceVersion", "")),
        exact=match == "Exact",
        timeout_s=integer(query, "timeoutSeconds") or None,
        bookmarks=boolean(query, "allowWatchBookmarks"),
        initial_events=boolean(query, "sendInitialEvents"),
        label_selector=query.get("labelSelector", ""),
        field_selector=query.get("fieldSelector", ""),
    )
    problem = _contradiction(parsed, match, "sendInitialEvents" in query)
    if problem is not None:
        raise errors.invalid("ListOptions.meta.k8s.io", "", [problem])
    return parsed


def _contradiction(
    parsed: ListParameters, match: str, initial_given: bool
) -> errors.FieldError | None:
    path = "resourceVersionMatch"
    if match not in ("", "Exact", "NotOlderThan"):
        return errors.not_supported(path, match, ["Exact", "NotOlderThan", ""])
    if initial_given and not parsed.watch:
        return errors.field_forbidden(
            "sendInitialEvents", "sendInitialEvents is forbidden for list"
        )
    if initial_given and match != "NotOlderThan":
        return errors.field_forbidden(
            path, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        )
    if parsed.watch:
        if match and not initial_given:
            return errors.field_forbidden(
                path, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is set"
            )
        return None
    return _list_contradiction(parsed, match)


def _list_contradiction(parsed: ListParameters, match: str) -> errors.FieldError | None:
    path = "resourceVersionMatch"
    if match and parsed.revision is None:
        return errors.field_forbidden(
            path, "resourceVersionMatch is forbidden unless resourceVersion is provided"
        )
    if match and parsed.continue_token:
        return errors.field_forbidden(
            path, "resourceVersionMatch is forbidden when continue is provided"
        )
    if parsed.exact and parsed.revision == 0:
        return errors.field_forbidden(
            path, 'resourceVersionMatch "Exact" is forbidden for resourceVersion "0"'
        )
    return None


@dataclass(frozen=True, slots=True)
class WriteParameters:
    """What a create, update or patch is asked for."""

    dry_run: bool
    field_manager: str
    field_validation: str
    force: bool | None
    """None when the parameter is absent."""


def write_parameters(query: Mapping[str, str], user_agent: str) -> WriteParameters:
    """Parsed. Without a field manager it is the client's name, as Kubernetes takes it."""
    validation = query.get("fieldValidation", "") or "Warn"
    if validation not in FIELD_VALIDATION:
        error = errors.not_supported("fieldValidation", validation, ["", *FIELD_VALIDATION])
        raise errors.invalid("CreateOptions.meta.k8s.io", "", [error])
    manager = query.get("fieldManager", "")
    if len(manager) > 128:
        error = errors.FieldError(
            "fieldManager", "Too long: may not be more than 128 bytes", "FieldValueTooLong"
        )
        raise errors.invalid("CreateOptions.meta.k8s.io", "", [error])
    return WriteParameters(
        dry_run=_dry_run(query.get("dryRun")),
        field_manager=manager or user_agent.partition("/")[0][:128] or "unknown",
        field_validation=validation,
        force=boolean(query, "force") if "force" in query else None,
    )


def _dry_run(value: str | None) -> bool:
    if not value:
        return False
    if value != "All":
        error = errors.not_supported("dryRun", value, ["All"])
        raise errors.invalid("CreateOptions.meta.k8s.io", "", [error])
    return True


def delete_options(query: Mapping[str, str], body: dict[str, Any]) -> DeleteOptions:
    """From the well-formed body, which wins, and the query. Raises StatusError 400 or 422."""
    grace = body.get("gracePeriodSeconds")
    if grace is None:
        grace = integer(query, "gracePeriodSeconds")
    policy = body.get("propagationPolicy") or query.get("propagationPolicy") or None
    orphan = body.get("orphanDependents")
    if policy is None and orphan is not None:
        policy = "Orphan" if orphan else "Background"
    if policy is not None and policy not in PROPAGATION:
        error = errors.not_supported("propagationPolicy", policy, [*PROPAGATION])
        raise errors.invalid("DeleteOptions.meta.k8s.io", "", [error])
    dry_run = body.get("dryRun") or []
    preconditions = body.get("preconditions") or {}
    return DeleteOptions(
        grace_period_s=None if grace is None else max(grace, 0),
        propagation_policy=policy,
        uid=preconditions.get("uid"),
        resource_version=preconditions.get("resourceVersion"),
        dry_run=_dry_run(dry_run[0] if dry_run else query.get("dryRun")),
    )
