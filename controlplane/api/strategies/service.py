"""Services: defaults, addresses and ports from the cluster's pools, rules."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from controlplane.api.errors import invalid
from controlplane.api.strategies.service_allocation import (
    allocate,
    drop_other_types_fields,
    keep_allocations,
    normalise_cluster_ips,
)
from controlplane.api.strategies.service_defaults import default_service
from controlplane.api.strategies.service_families import settle_families
from controlplane.api.strategies.service_index import ServiceIndex
from controlplane.api.strategies.service_validation import validate_service
from controlplane.api.strategies.service_warnings import service_warnings
from controlplane.api.strategies.tree import child, grow
from controlplane.api.strategy import BaseStrategy

if TYPE_CHECKING:
    from controlplane.api.errors import FieldError
    from controlplane.api.strategies.tree import Object
    from controlplane.api.strategy import Context


class ServiceStrategy(BaseStrategy):
    """Writes run one after another, so that two Services never get the same address.

    One strategy serves one store.
    """

    serialize_writes = True

    def __init__(self, random: Random | None = None) -> None:
        self._random = random or Random()
        self._index = ServiceIndex()

    def default(self, obj: Object) -> None:
        """Fills in the type, protocols, target ports and policies."""
        default_service(obj)

    async def prepare_create(self, obj: Object, ctx: Context) -> None:
        """Gives a ClusterIP and node ports."""
        ctx.warnings.extend(service_warnings(obj))
        normalise_cluster_ips(grow(obj, "spec"))
        obj["status"] = {"loadBalancer": {}}
        await self._allocate(obj, None, ctx)

    async def prepare_update(self, obj: Object, old: Object, ctx: Context) -> None:
        """Keeps what was given; gives what a changed type needs."""
        if not ctx.subresource:
            ctx.warnings.extend(service_warnings(obj))
        spec, before = grow(obj, "spec"), child(old, "spec")
        drop_other_types_fields(obj, old)
        keep_allocations(spec, before)
        normalise_cluster_ips(spec)
        await self._allocate(obj, old, ctx)

    async def _allocate(self, obj: Object, old: Object | None, ctx: Context) -> None:
        if ctx.subresource == "status" or validate_service(obj, None):
            return
        spec, cidrs = grow(obj, "spec"), ctx.settings.service_cidrs
        families = [f"IPv{cidr.version}" for cidr in cidrs]
        errors = settle_families(spec, child(old or {}, "spec"), families)
        if not errors and not (old and validate_service(obj, old)):
            await self._index.catch_up(ctx.reader)
            errors = allocate(spec, self._index.without(old), cidrs, self._random)
        if errors:
            name = str(child(obj, "metadata").get("name", ""))
            raise invalid("Service", name, errors)

    def validate(self, obj: Object, old: Object | None) -> list[FieldError]:
        """The rules of core/v1 Services."""
        return validate_service(obj, old)
