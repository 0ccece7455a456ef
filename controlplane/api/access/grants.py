"""Which rules hold for whom: bindings and roles, as they are now.

Source: Kubernetes pkg/registry/rbac/validation/rule.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from controlplane.api.access.user import SERVICE_ACCOUNT_PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from controlplane.api.access.user import User

Object = dict[str, Any]


class Objects(Protocol):
    """The present objects of one resource, as an informer has them."""

    def get(self, namespace: str, name: str) -> Object | None: ...

    def __iter__(self) -> Iterator[Object]: ...

    def subscribe(self, handler: Callable[[Object | None, Object | None], None]) -> None: ...


@dataclass(frozen=True, slots=True)
class Grant:
    """A rule and why it holds. `namespace` is where, "" for everywhere."""

    rule: Object
    namespace: str
    why: str


class Grants:
    """Follows roles and bindings; look-ups do not grow with the bindings of others."""

    def __init__(
        self,
        roles: Objects,
        cluster_roles: Objects,
        role_bindings: Objects,
        cluster_role_bindings: Objects,
    ) -> None:
        self._roles = roles
        self._cluster_roles = cluster_roles
        self._bindings = (cluster_role_bindings, role_bindings)
        self._by_subject: dict[tuple[str, str], list[Object]] | None = None
        for each in self._bindings:
            each.subscribe(self._changed)

    def of(self, user: User, namespace: str) -> Iterator[Grant]:
        """What holds for the user in a namespace, everywhere's first; "" gives only those."""
        for subject in _subjects_of(user):
            for binding in self._index().get(subject, ()):
                where = binding["metadata"].get("namespace") or ""
                if where in ("", namespace):
                    yield from self._granted(binding, where, subject)

    def _granted(self, binding: Object, where: str, subject: tuple[str, str]) -> Iterator[Grant]:
        reference, about = binding["roleRef"], binding["metadata"]
        if reference["kind"] == "ClusterRole":
            role = self._cluster_roles.get("", reference["name"])
        else:
            role = self._roles.get(where, reference["name"])
        if role is None:
            return
        kind = "RoleBinding" if where else "ClusterRoleBinding"
        shown = f"{about['name']}/{where}" if where else about["name"]
        why = (
            f'RBAC: allowed by {kind} "{shown}" of {reference["kind"]} "{reference["name"]}" '
            f'to {subject[0]} "{subject[1]}"'
        )
        for rule in role.get("rules") or ():
            yield Grant(rule, where, why)

    def _changed(self, old: Object | None, new: Object | None) -> None:
        self._by_subject = None

    def _index(self) -> dict[tuple[str, str], list[Object]]:
        if self._by_subject is None:
            index: dict[tuple[str, str], list[Object]] = {}
            for bindings in self._bindings:
                for binding in bindings:
                    for key in _subjects(binding):
                        index.setdefault(key, []).append(binding)
            self._by_subject = index
        return self._by_subject


def _subjects_of(user: User) -> Iterator[tuple[str, str]]:
    """The subjects that the user is: (kind, name), ServiceAccounts as namespace/name."""
    yield "User", user.name
    if user.name.startswith(SERVICE_ACCOUNT_PREFIX):
        namespace, _, name = user.name.removeprefix(SERVICE_ACCOUNT_PREFIX).partition(":")
        yield "ServiceAccount", f"{name}/{namespace}"
    for group in user.groups:
        yield "Group", group


def _subjects(binding: Object) -> Iterator[tuple[str, str]]:
    for subject in binding.get("subjects") or ():
        name = str(subject.get("name", ""))
        if subject.get("kind") == "ServiceAccount":
            where = subject.get("namespace") or binding["metadata"].get("namespace") or ""
            yield "ServiceAccount", f"{name}/{where}"
        else:
            yield str(subject.get("kind", "")), name
