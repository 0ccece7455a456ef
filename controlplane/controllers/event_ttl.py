"""Forgets old Events, as kube-apiserver's --event-ttl does, and bounds how many there are."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from controlplane.api.errors import StatusError
from controlplane.controllers.conditions import parse_time

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from controlplane.api.client import Client

Object = dict[str, Any]
TTL = timedelta(hours=1)
MAX_EVENTS = 5000
_SWEEP_S = 60.0
log = logging.getLogger(__name__)


def outlived(events: Sequence[Object], now: datetime) -> list[Object]:
    """The events that are older than an hour, and the oldest beyond the limit."""

    def last_seen(event: Object) -> datetime:
        about = event["metadata"]
        stamps = (event.get("lastTimestamp"), event.get("eventTime"), about["creationTimestamp"])
        return next((t for t in map(parse_time, stamps) if t is not None), now)

    by_age = sorted(events, key=last_seen)
    surplus = max(len(by_age) - MAX_EVENTS, 0)
    old = [event for event in by_age[surplus:] if last_seen(event) + TTL < now]
    return by_age[:surplus] + old


async def trim_events(client: Client, now: Callable[[], datetime]) -> None:
    """Sweeps once a minute, for ever."""
    while True:
        try:
            events, _ = await client.list("events")
            for event in outlived(events, now()):
                about = event["metadata"]
                await client.delete("events", about["name"], about["namespace"])
        except StatusError as error:
            if error.reason != "NotFound":
                log.warning("old events were not removed: %s", error)
        await asyncio.sleep(_SWEEP_S)
