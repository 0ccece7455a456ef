"""The stored ControllerRevisions of a workload: kept, added to, cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api.errors import StatusError
from controlplane.api.strategies.selectors import selector_matches
from controlplane.controllers import revisions
from controlplane.controllers.claims import Claims
from controlplane.controllers.informer import key_of
from controlplane.controllers.revisions import RESOURCE

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from controlplane.api.client import Client

Object = dict[str, Any]
DEFAULT_LIMIT = 10


class RevisionHistory:
    """The revisions of the workloads of one resource. All calls raise StatusError."""

    def __init__(self, client: Client, resource: str, hash_label: str) -> None:
        self._client = client
        self._resource = resource
        self._hash_label = hash_label
        self._claims = Claims(client, RESOURCE)

    async def list(self, owner: Object) -> list[Object]:
        """The owner's revisions, oldest first."""
        found, _ = await self._client.list(RESOURCE, owner["metadata"]["namespace"])
        selector = owner["spec"]["selector"]
        own = await self._claims.claim(
            owner,
            found,
            lambda revision: selector_matches(selector, revision["metadata"].get("labels") or {}),
        )
        return revisions.by_number(own)

    async def current(self, owner: Object, known: Sequence[Object]) -> Object:
        """The revision of the owner's present template; one that comes back is the latest again."""
        equal = revisions.find_equal(known, owner["spec"]["template"])
        if not equal:
            return await self._create(owner, revisions.next_number(known))
        if equal[-1] is known[-1]:
            return equal[-1]
        return await self._renumber(equal[-1], revisions.next_number(known))

    async def _create(self, owner: Object, number: int) -> Object:
        fresh = revisions.new_revision(owner, number, self._hash_label)
        try:
            return await self._client.create(RESOURCE, fresh)
        except StatusError as error:
            if error.reason == "AlreadyExists":
                await self._count_collision(owner)
            raise

    async def _count_collision(self, owner: Object) -> None:
        def count(current: Object) -> None:
            status = current.setdefault("status", {})
            status["collisionCount"] = int(status.get("collisionCount") or 0) + 1

        namespace, name = key_of(owner)
        await self._client.patch(self._resource, name, count, namespace, subresource="status")

    async def _renumber(self, revision: Object, number: int) -> Object:
        namespace, name = key_of(revision)
        return await self._client.patch(
            RESOURCE, name, lambda current: current.update(revision=number), namespace
        )

    async def cut(self, owner: Object, known: Sequence[Object], live: Collection[str]) -> None:
        """Deletes what `spec.revisionHistoryLimit` has no room for; `live` names stay."""
        limit = int(owner["spec"].get("revisionHistoryLimit", DEFAULT_LIMIT))
        for revision in revisions.surplus(known, live, limit):
            namespace, name = key_of(revision)
            try:
                await self._client.delete(
                    RESOURCE, name, namespace, uid=revision["metadata"]["uid"]
                )
            except StatusError as error:
                if error.reason != "NotFound":
                    raise
