"""May this user do that?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from controlplane.api.access.rules import covers
from controlplane.api.access.user import MASTERS

Rule = dict[str, Any]
"""A PolicyRule of rbac/v1."""

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controlplane.api.access.attributes import Attributes
    from controlplane.api.access.grants import Grant, Grants
    from controlplane.api.access.user import User

EVERYTHING: tuple[Rule, ...] = (
    {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
    {"verbs": ["*"], "nonResourceURLs": ["*"]},
)


@dataclass(frozen=True, slots=True)
class Decision:
    """`reason` names the binding that allows; empty where nothing does."""

    allowed: bool
    reason: str = ""


class Authorizer(Protocol):
    """Decides, and lists what it would allow."""

    def decide(self, user: User, wanted: Attributes) -> Decision: ...

    def rules(self, user: User, namespace: str) -> Iterator[Rule]:
        """The PolicyRules that hold for the user in a namespace."""


class AlwaysAllow:
    """For an API that only its own process can reach."""

    def decide(self, user: User, wanted: Attributes) -> Decision:
        return Decision(True)

    def rules(self, user: User, namespace: str) -> Iterator[Rule]:
        yield from EVERYTHING


class Rbac:
    """Roles and bindings decide; system:masters may do everything, whatever they say."""

    def __init__(self, grants: Grants) -> None:
        self._grants = grants

    def decide(self, user: User, wanted: Attributes) -> Decision:
        if MASTERS in user.groups:
            return Decision(True)
        for grant in self._grants.of(user, wanted.namespace):
            if covers(grant.rule, wanted) and _reaches(grant, wanted):
                return Decision(True, grant.why)
        return Decision(False)

    def rules(self, user: User, namespace: str) -> Iterator[Rule]:
        if MASTERS in user.groups:
            yield from EVERYTHING
        for grant in self._grants.of(user, namespace):
            yield grant.rule


def _reaches(grant: Grant, wanted: Attributes) -> bool:
    """Paths that are no resources are nowhere: only a ClusterRoleBinding is about them."""
    return not (grant.namespace and wanted.path)
