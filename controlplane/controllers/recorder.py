"""Events about objects, as `kubectl describe` shows them: repeats are counted, not stored again."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from controlplane.api.errors import StatusError
from controlplane.api.metadata import timestamp

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from controlplane.api.client import Client

Object = dict[str, Any]
_MAX_WAITING = 1000
_MAX_KNOWN = 4096
_MAX_NAME = 253
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Involved:
    """The object that an event is about."""

    kind: str
    namespace: str
    name: str
    uid: str = ""
    api_version: str = "v1"
    field_path: str = ""

    def to_json(self) -> Object:
        """An ObjectReference without empty fields."""
        fields = {
            "kind": self.kind,
            "namespace": self.namespace,
            "name": self.name,
            "uid": self.uid,
            "apiVersion": self.api_version,
            "fieldPath": self.field_path,
        }
        return {name: value for name, value in fields.items() if value}


def involved(obj: Object, field_path: str = "") -> Involved:
    """The reference to an object of the API."""
    about = obj["metadata"]
    return Involved(
        obj["kind"],
        about.get("namespace") or "",
        about["name"],
        about.get("uid") or "",
        obj["apiVersion"],
        field_path,
    )


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Something that happened. Equal occurrences are one Event with a count."""

    about: Involved
    type: str
    reason: str
    message: str
    component: str
    host: str = ""

    @property
    def namespace(self) -> str:
        """Where the Event is stored: with its object, `default` for cluster-scoped ones."""
        return self.about.namespace or "default"


def _event_name(about: str, serial: str) -> str:
    """Of at most 253 characters, however long the object's own name is."""
    return f"{about[: _MAX_NAME - 1 - len(serial)].rstrip('-.')}.{serial}"


class EventRecorder:
    """Takes occurrences without waiting and stores them in the background, in order."""

    def __init__(self, client: Client, now: Callable[[], datetime]) -> None:
        self._client = client
        self._now = now
        self._waiting: deque[Occurrence] = deque(maxlen=_MAX_WAITING)
        self._known: OrderedDict[Occurrence, str] = OrderedDict()
        self._arrived = asyncio.Event()
        self._serial = int(now().timestamp() * 1e6)

    def record(
        self,
        about: Involved,
        type: str,
        reason: str,
        message: str,
        component: str,
        host: str = "",
    ) -> None:
        """Notes an occurrence; when far too many wait, the oldest are dropped."""
        self._waiting.append(Occurrence(about, type, reason, message[:1024], component, host))
        self._arrived.set()

    async def run(self) -> None:
        """Stores what was noted, for ever."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                occurrence = self._waiting.popleft()
                try:
                    await self.store(occurrence)
                except StatusError as error:
                    # A namespace on its way out takes no events: nothing to tell anybody.
                    if error.reason not in ("Forbidden", "NotFound"):
                        log.warning("event %s was not stored: %s", occurrence.reason, error)

    async def store(self, occurrence: Occurrence) -> None:
        """Counts a known occurrence or stores a new Event. Raises StatusError."""
        name = self._known.get(occurrence)
        if name is not None and await self._count(occurrence, name):
            return
        self._serial += 1
        name = _event_name(occurrence.about.name, f"{self._serial:x}")
        await self._client.create("events", self._event(occurrence, name))
        self._known[occurrence] = name
        while len(self._known) > _MAX_KNOWN:
            self._known.popitem(last=False)

    async def _count(self, occurrence: Occurrence, name: str) -> bool:
        def again(event: Object) -> None:
            event["count"] = (event.get("count") or 1) + 1
            event["lastTimestamp"] = timestamp(self._now())

        try:
            await self._client.patch("events", name, again, occurrence.namespace)
        except StatusError as error:
            if error.reason != "NotFound":
                raise
            return False
        self._known.move_to_end(occurrence)
        return True

    def _event(self, occurrence: Occurrence, name: str) -> Object:
        stamp = timestamp(self._now())
        source = {"component": occurrence.component}
        if occurrence.host:
            source["host"] = occurrence.host
        return {
            "metadata": {"name": name, "namespace": occurrence.namespace},
            "involvedObject": occurrence.about.to_json(),
            "type": occurrence.type,
            "reason": occurrence.reason,
            "message": occurrence.message,
            "source": source,
            "reportingComponent": occurrence.component,
            "reportingInstance": occurrence.host,
            "firstTimestamp": stamp,
            "lastTimestamp": stamp,
            "count": 1,
        }
