"""PolicyRules: whether one covers what a request wants.

Source: Kubernetes pkg/apis/rbac/v1/evaluation_helpers.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controlplane.api.access.attributes import Attributes

Object = dict[str, Any]
ALL = "*"


def covers(rule: Object, wanted: Attributes) -> bool:
    """Whether the rule (rbac/v1 PolicyRule) allows it."""
    if not _has(rule.get("verbs"), wanted.verb):
        return False
    if wanted.path:
        return any(_path_matches(each, wanted.path) for each in rule.get("nonResourceURLs") or ())
    names = rule.get("resourceNames") or ()
    return (
        _has(rule.get("apiGroups"), wanted.group)
        and any(_resource_matches(each, wanted) for each in rule.get("resources") or ())
        and (not names or wanted.name in names)
    )


def _has(listed: Sequence[str] | None, value: str) -> bool:
    return listed is not None and (ALL in listed or value in listed)


def _resource_matches(pattern: str, wanted: Attributes) -> bool:
    """`*`, `pods`, `pods/log`, `*/scale`."""
    if pattern in (ALL, wanted.full_resource):
        return True
    return bool(wanted.subresource) and pattern == f"{ALL}/{wanted.subresource}"


def _path_matches(pattern: str, path: str) -> bool:
    if pattern in (ALL, path):
        return True
    return pattern.endswith(ALL) and path.startswith(pattern.rstrip(ALL))
