"""What a kind adds to the generic pipeline: defaults, rules, and its way to be deleted.

Order of a write: decode, `default`, `prepare_create` or `prepare_update`, generic metadata
rules, schema, `validate`, compare-and-swap. All hooks change or read the given object only;
`old` and everything that the context hands out is shared and must not be changed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from controlplane.api.errors import FieldError
    from controlplane.config import ClusterSettings
    from controlplane.store.base import Watch

Object = dict[str, Any]


class Reader(Protocol):
    """Reads committed objects. `resource` is written as in `endpointslices.discovery.k8s.io`."""

    async def get(self, resource: str, name: str, namespace: str | None = None) -> Object:
        """One object. Raises StatusError 404."""

    async def list(
        self,
        resource: str,
        namespace: str | None = None,
        label_selector: str | None = None,
        field_selector: str | None = None,
    ) -> tuple[list[Object], str]:
        """The objects and the resourceVersion of the listing."""

    def changes(self, resource: str, from_revision: int) -> Watch:
        """All committed writes of a resource after a revision; the caller closes it."""


@dataclass(frozen=True)
class Context:
    """The request that a hook works for."""

    reader: Reader
    settings: ClusterSettings
    now: Callable[[], datetime]
    user: str = "kubernetes-admin"
    subresource: str = ""
    dry_run: bool = False
    warnings: list[str] = field(default_factory=list)
    """Shown to the client as `Warning:` headers."""


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """The `DeleteOptions` of a request, checked."""

    grace_period_s: int | None = None
    propagation_policy: str | None = None
    uid: str | None = None
    resource_version: str | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Grace:
    """How a kind wants to be deleted: `seconds` of 0 removes at once."""

    seconds: int = 0


class Strategy(Protocol):
    """The hooks of one kind."""

    serialize_writes: bool
    """True: creates and updates of this resource run one after another, from before
    `prepare_*` until the commit. So an allocator can go by what is committed."""

    default_propagation: str | None
    """What becomes of dependents when a DELETE does not say, None: as the finalizers say."""

    def default(self, obj: Object) -> None:
        """Fills in what the API defines as defaults. Idempotent."""

    async def prepare_create(self, obj: Object, ctx: Context) -> None:
        """Sets what only the server sets (allocations, initial status). May raise StatusError."""

    async def prepare_update(self, obj: Object, old: Object, ctx: Context) -> None:
        """Keeps what a client cannot change. May raise StatusError."""

    def validate(self, obj: Object, old: Object | None) -> list[FieldError]:
        """What is wrong beyond the schema; `old` is None for a create."""

    def graceful_delete(self, obj: Object, options: DeleteOptions) -> Grace:
        """Whether the object stays for a while after DELETE."""

    async def after_delete(self, obj: Object, ctx: Context) -> None:
        """The object is gone. Must not raise."""


class BaseStrategy:
    """A kind without special rules."""

    serialize_writes = False
    default_propagation: str | None = None

    def default(self, obj: Object) -> None:
        """No defaults."""

    async def prepare_create(self, obj: Object, ctx: Context) -> None:
        """Nothing to set."""

    async def prepare_update(self, obj: Object, old: Object, ctx: Context) -> None:
        """Nothing to keep."""

    def validate(self, obj: Object, old: Object | None) -> list[FieldError]:
        """Nothing beyond the schema."""
        return []

    def graceful_delete(self, obj: Object, options: DeleteOptions) -> Grace:
        """Removed at once."""
        return Grace()

    async def after_delete(self, obj: Object, ctx: Context) -> None:
        """Nothing to give back."""
