"""The loop of every controller: a key comes out of the queue, the world is made right for it."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Generic, TypeVar

from controlplane.api.errors import StatusError
from controlplane.controllers.workqueue import WorkQueue

if TYPE_CHECKING:
    from collections.abc import Hashable

K = TypeVar("K", bound="Hashable")

_QUIET_RETRIES = ("Conflict", "AlreadyExists")
"""Lost races: the next look at the world tells what to do, nobody needs to read of it."""


class Controller(Generic[K]):
    """Reconciles keys one by one. A failure is logged in one line and retried with back-off."""

    name = "controller"

    def __init__(self) -> None:
        self.queue: WorkQueue[K] = WorkQueue()
        self._log = logging.getLogger(f"controlplane.controllers.{self.name}")

    async def reconcile(self, key: K) -> None:
        """Makes the world right for `key`, whatever changed. Idempotent."""
        raise NotImplementedError

    async def run(self) -> None:
        """Works for ever; the informers have to be synced."""
        try:
            while True:
                key = await self.queue.get()
                await self._work(key)
                # A queue that is never empty must not keep the API from being served.
                await asyncio.sleep(0)
        finally:
            self.queue.close()

    async def _work(self, key: K) -> None:
        try:
            await self.reconcile(key)
        except Exception as error:
            delay_s = self.queue.retry(key)
            if not (isinstance(error, StatusError) and error.reason in _QUIET_RETRIES):
                self._log.warning(
                    "%s: %s failed: %s: %s (again in %.3g s)",
                    self.name,
                    _shown(key),
                    type(error).__name__,
                    error,
                    delay_s,
                )
        else:
            self.queue.forget(key)
        finally:
            self.queue.done(key)


def _shown(key: object) -> str:
    return "/".join(str(part) for part in key) if isinstance(key, tuple) else str(key)
