"""Which objects belong to an owner: orphans that it selects are adopted, strangers released.

Source: Kubernetes pkg/controller/controller_ref_manager.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api.errors import StatusError
from controlplane.controllers.conditions import controller_of, is_terminating, owner_reference
from controlplane.controllers.informer import key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from controlplane.api.client import Client

Object = dict[str, Any]


class Claims:
    """Sorts out the objects of one resource, e.g. `pods`, among their possible owners."""

    def __init__(self, client: Client, resource: str) -> None:
        self._client = client
        self._resource = resource

    async def claim(
        self,
        owner: Object,
        candidates: Iterable[Object],
        selects: Callable[[Object], bool],
        adoptable: Callable[[Object], bool] = lambda _: True,
    ) -> list[Object]:
        """The candidates that `owner` controls from now on. Raises StatusError.

        An owner that is being deleted adopts and releases nothing.
        """
        own = []
        for obj in candidates:
            kept = await self._claim_one(owner, obj, selects, adoptable)
            if kept is not None:
                own.append(kept)
        return own

    async def _claim_one(
        self,
        owner: Object,
        obj: Object,
        selects: Callable[[Object], bool],
        adoptable: Callable[[Object], bool],
    ) -> Object | None:
        present, uid = controller_of(obj), owner["metadata"]["uid"]
        selected = selects(obj)
        if present is not None:
            if present["uid"] != uid:
                return None
            if selected:
                return obj
            if not is_terminating(owner) and not is_terminating(obj):
                await self._release(obj, uid)
            return None
        if not selected or is_terminating(owner) or is_terminating(obj) or not adoptable(obj):
            return None
        return await self._adopt(obj, owner)

    async def _adopt(self, obj: Object, owner: Object) -> Object | None:
        def adopt(current: Object) -> None:
            if current["metadata"]["uid"] == uid and controller_of(current) is None:
                reference = owner_reference(owner, owner["apiVersion"], owner["kind"])
                current["metadata"].setdefault("ownerReferences", []).append(reference)

        uid = obj["metadata"]["uid"]
        adopted = await self._patch(obj, adopt)
        if adopted is None:
            return None
        return (
            adopted
            if (controller_of(adopted) or {}).get("uid") == owner["metadata"]["uid"]
            else None
        )

    async def _release(self, obj: Object, uid: str) -> None:
        def release(current: Object) -> None:
            owners = current["metadata"].get("ownerReferences") or []
            current["metadata"]["ownerReferences"] = [o for o in owners if o["uid"] != uid]

        await self._patch(obj, release)

    async def _patch(self, obj: Object, change: Callable[[Object], None]) -> Object | None:
        namespace, name = key_of(obj)
        try:
            return await self._client.patch(self._resource, name, change, namespace)
        except StatusError as error:
            if error.reason != "NotFound":
                raise
            return None
