"""What the API serves: one explicit table, from which routes, discovery and OpenAPI follow."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from controlplane.api.errors import StatusError, no_such_path
from controlplane.api.fields import selectable_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
READ_WRITE = ("get", "patch", "update")


@dataclass(frozen=True, slots=True)
class Subresource:
    """A path below an object, e.g. `status`. Empty group and version: those of the parent."""

    name: str
    kind: str
    verbs: tuple[str, ...]
    group: str = ""
    version: str = ""


@dataclass(frozen=True)
class Resource:
    """One kind in one version, and how it is served."""

    group: str
    version: str
    plural: str
    kind: str
    singular: str
    namespaced: bool = True
    verbs: tuple[str, ...] = ALL_VERBS
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[Subresource, ...] = ()
    has_generation: bool = False
    """Whether `metadata.generation` counts the changes of the spec."""
    unconditional_update: bool = True
    """Whether a PUT without resourceVersion is taken."""
    stored_as: str = ""
    """Another resource, as `events`, which holds the objects of this one."""
    deprecation: str = ""
    """What clients are warned of whenever they use it."""

    @cached_property
    def qualified(self) -> str:
        """`deployments.apps`, or `pods`: how errors and the in-process client name it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @cached_property
    def qualified_kind(self) -> str:
        """`Deployment.apps`, or `Pod`: how an Invalid error names it."""
        return f"{self.kind}.{self.group}" if self.group else self.kind

    @cached_property
    def api_version(self) -> str:
        """`apps/v1`, or `v1`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @cached_property
    def path(self) -> str:
        """`/apis/apps/v1`, or `/api/v1`."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    @cached_property
    def prefix(self) -> str:
        """The store prefix of all objects, with its closing slash."""
        plural, _, group = (self.stored_as or self.qualified).partition(".")
        return f"/registry/{group or 'core'}/{plural}/"

    @cached_property
    def has_status(self) -> bool:
        """Whether the status is written through `/status` only."""
        return self.subresource("status") is not None

    def subresource(self, name: str) -> Subresource | None:
        """The subresource of that name, or None."""
        return next((sub for sub in self.subresources if sub.name == name), None)

    def field_path(self, label: str) -> str | None:
        """Where the selectable field `label` is in a stored object, or None."""
        return selectable_path(self.group, self.kind, label)

    def key(self, namespace: str | None, name: str) -> str:
        """The store key of one object."""
        return f"{self.prefix}{namespace}/{name}" if self.namespaced else self.prefix + name

    def key_prefix(self, namespace: str | None) -> str:
        """The store prefix of one namespace, or of all."""
        return f"{self.prefix}{namespace}/" if self.namespaced and namespace else self.prefix


class ResourceTable:
    """The resources by path, by kind and by qualified name."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self._resources = tuple(resources)
        self._by_path = {(r.group, r.version, r.plural): r for r in self._resources}
        self._by_kind = {(r.group, r.version, r.kind): r for r in self._resources}
        self._by_name = {r.qualified: r for r in reversed(self._resources)}

    def __iter__(self) -> Iterator[Resource]:
        return iter(self._resources)

    def by_path(self, group: str, version: str, plural: str) -> Resource:
        """The resource that a URL names. Raises StatusError 404."""
        found = self._by_path.get((group, version, plural))
        if found is None:
            raise no_such_path()
        return found

    def by_kind(self, group: str, version: str, kind: str) -> Resource | None:
        """The resource of objects with this apiVersion and kind."""
        return self._by_kind.get((group, version, kind))

    def by_name(self, qualified: str) -> Resource:
        """The resource called `pods` or `deployments.apps`. Raises StatusError 404."""
        found = self._by_name.get(qualified)
        if found is None:
            raise StatusError(404, "NotFound", f"the server does not know {qualified}")
        return found

    def groups(self) -> dict[str, list[str]]:
        """Groups in order of first appearance, each with its versions, preferred first."""
        found: dict[str, list[str]] = {}
        for resource in self._resources:
            versions = found.setdefault(resource.group, [])
            if resource.version not in versions:
                versions.append(resource.version)
        return found
