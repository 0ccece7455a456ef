"""get, list and watch."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

from aiohttp import web

from controlplane.api import errors
from controlplane.api.http import encode
from controlplane.api.http.parameters import ListParameters, list_parameters
from controlplane.api.selectors import parse_selection
from controlplane.api.watching import ApiWatch
from controlplane.store.base import Event, encode_json

if TYPE_CHECKING:
    from controlplane.api.http.call import Call
    from controlplane.api.selectors import Selection

BOOKMARK_INTERVAL_S = 60.0
WRITE_TIMEOUT_S = 30.0
"""A watcher that takes nothing for so long is closed."""
_MIN_WATCH_S = 1800.0


async def get(call: Call) -> web.StreamResponse:
    """One object."""
    return call.answer_stored(await call.registry.get(call.storage, call.namespace, call.name))


async def list_or_watch(call: Call) -> web.StreamResponse:
    """A listing, or a stream of what happens to it. A name in the path selects one object."""
    parameters = list_parameters(call.request.query)
    field_selector = parameters.field_selector
    if call.info.name is not None:
        field_selector = f"{field_selector},metadata.name={call.name}"
    selection = parse_selection(call.resource, parameters.label_selector, field_selector)
    if parameters.watch:
        return await watch(call, parameters, selection)
    wanted = call.representation
    newest = parameters.revision == 0 or not parameters.exact
    current = call.registry.store.revision()
    if parameters.revision is not None and parameters.revision > current:
        message = f"Too large resource version: {parameters.revision}, current: {current}"
        raise errors.StatusError(504, "Timeout", message, errors.Details(retry_after_s=1))
    page = await call.registry.list(
        call.storage,
        call.namespace,
        selection,
        limit=parameters.limit,
        continue_token=parameters.continue_token,
        revision=None if newest else parameters.revision,
    )
    encoded = encode.encode_list(call.resource, page, wanted, call.include_object)
    return web.Response(body=encoded, content_type=wanted.media_type)


async def watch(call: Call, parameters: ListParameters, selection: Selection) -> web.StreamResponse:
    """Streams events until the timeout, the client's leave, or the server's end."""
    encoder = encode.EventEncoder(call.resource, call.representation, call.include_object)
    start, initial = await _start(call, parameters, selection)
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    try:
        events = ApiWatch(call.registry.store, call.storage, call.namespace, selection, start)
    except errors.StatusError as error:
        if error.code != 410:
            raise
        await response.prepare(call.request)
        await _write(response, _error_frame(error))
        return response
    try:
        await response.prepare(call.request)
        first = encoder.frames(initial)
        if parameters.initial_events:
            first += encoder.bookmark(start, initial_end=True)
        if first:
            await _write(response, first)
        await _stream(response, events, encoder, parameters)
    except errors.StatusError as error:
        await _write(response, _error_frame(error))
    except (ConnectionError, TimeoutError, StopAsyncIteration):
        pass  # gone, too slow, or we are closing: the client watches again from where it was
    finally:
        events.close()
    return response


async def _start(
    call: Call, parameters: ListParameters, selection: Selection
) -> tuple[int, list[Event]]:
    """Where the watch starts, and what it shows as ADDED before."""
    if parameters.revision and not parameters.initial_events:
        return parameters.revision, []
    if "sendInitialEvents" in call.request.query and not parameters.initial_events:
        return call.registry.store.revision(), []
    page = await call.registry.list(call.storage, call.namespace, selection)
    return page.revision, [Event("ADDED", stored) for stored in page.items]


async def _stream(
    response: web.StreamResponse,
    events: ApiWatch,
    encoder: encode.EventEncoder,
    parameters: ListParameters,
) -> None:
    now = asyncio.get_running_loop().time
    end = now() + (parameters.timeout_s or _MIN_WATCH_S * (1 + random.random()))
    bookmark_due = now() + BOOKMARK_INTERVAL_S
    while (left := end - now()) > 0:
        batch = await events.batch(min(left, max(0.0, bookmark_due - now())))
        if batch:
            await _write(response, encoder.frames(batch))
        if now() >= bookmark_due:
            bookmark_due = now() + BOOKMARK_INTERVAL_S
            if parameters.bookmarks:
                await _write(response, encoder.bookmark(events.revision))
    if parameters.bookmarks:
        await _write(response, encoder.bookmark(events.revision))


async def _write(response: web.StreamResponse, data: bytes) -> None:
    async with asyncio.timeout(WRITE_TIMEOUT_S):
        await response.write(data)


def _error_frame(error: errors.StatusError) -> bytes:
    return encode.watch_frame("ERROR", encode_json(error.to_status()))
