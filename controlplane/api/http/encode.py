"""Objects, lists and watch events as bytes, in each representation; encoded once for all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from controlplane.api import conversion
from controlplane.api.http.negotiate import YAML, Representation
from controlplane.store.base import Event, Stored, encode_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controlplane.api import errors
    from controlplane.api.resources import Resource
    from controlplane.store.base import Page

Object = dict[str, Any]
NEWLINE = b"\n"


def status_response(error: errors.StatusError) -> web.Response:
    """The answer that says why not."""
    response = web.Response(
        status=error.code,
        body=encode_json(error.to_status()) + NEWLINE,
        content_type="application/json",
    )
    if error.details.retry_after_s:
        response.headers["Retry-After"] = str(error.details.retry_after_s)
    return response


def encode_value(value: Any, media_type: str) -> bytes:
    """Any document as JSON (with a final newline) or YAML."""
    if media_type == YAML:
        import yaml

        return yaml.safe_dump(value, sort_keys=False, allow_unicode=True).encode()
    return encode_json(value) + NEWLINE


def encode_one(
    resource: Resource, stored: Stored, wanted: Representation, include_object: str
) -> bytes:
    """One object as the answer to a request."""
    if wanted.form == "object" and wanted.media_type != YAML and not resource.stored_as:
        return stored.encoded + NEWLINE
    obj = conversion.from_storage(resource, stored.value)
    if wanted.form == "partial":
        obj = partial(obj)
    elif wanted.form == "table":
        about = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
        obj = table(resource, [obj], include_object, about)
    return encode_value(obj, wanted.media_type)


def encode_list(
    resource: Resource, page: Page, wanted: Representation, include_object: str
) -> bytes:
    """A page of a listing."""
    about: Object = {"resourceVersion": str(page.revision)}
    if page.continue_token:
        about["continue"] = page.continue_token
        about["remainingItemCount"] = page.remaining
    if wanted.form == "object" and wanted.media_type != YAML and not resource.stored_as:
        head = {"kind": f"{resource.kind}List", "apiVersion": resource.api_version}
        start = encode_json({**head, "metadata": about})
        items = b",".join(stored.encoded for stored in page.items)
        return b"".join((start[:-1], b',"items":[', items, b"]}\n"))
    objects = [conversion.from_storage(resource, stored.value) for stored in page.items]
    if wanted.form == "table":
        return encode_value(table(resource, objects, include_object, about), wanted.media_type)
    if wanted.form == "partial":
        objects = [partial(obj) for obj in objects]
        head = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"}
    else:
        head = {"kind": f"{resource.kind}List", "apiVersion": resource.api_version}
    return encode_value({**head, "metadata": about, "items": objects}, wanted.media_type)


class EventEncoder:
    """Frames of one watch. Frames that all watchers share are kept with the event."""

    def __init__(self, resource: Resource, wanted: Representation, include_object: str) -> None:
        self._resource = resource
        self._form = wanted.form
        self._include_object = include_object
        self._headed = False

    def frames(self, events: Sequence[Event]) -> bytes:
        """The events, one JSON document a line."""
        return b"".join([self.frame(event) for event in events])

    def frame(self, event: Event) -> bytes:
        """One event."""
        resource = self._resource
        if self._form == "table":
            return self._table_frame(event)
        name = f"{self._form}/{resource.api_version}"
        found = event.representations.get(name)
        if found is None:
            if self._form == "object" and not resource.stored_as:
                encoded = event.stored.encoded
            else:
                obj = conversion.from_storage(resource, event.value)
                encoded = encode_json(partial(obj) if self._form == "partial" else obj)
            found = event.representations[name] = watch_frame(event.type, encoded)
        return found

    def _table_frame(self, event: Event) -> bytes:
        """A table of one row; the columns are named in the first one of a watch only."""
        obj = conversion.from_storage(self._resource, event.value)
        about = {"resourceVersion": str(event.revision)}
        shown = table(self._resource, [obj], self._include_object, about, headed=not self._headed)
        self._headed = True
        return watch_frame(event.type, encode_json(shown))

    def bookmark(self, revision: int, *, initial_end: bool = False) -> bytes:
        """Says that everything up to `revision` was sent."""
        about: Object = {"resourceVersion": str(revision)}
        if initial_end:
            about["annotations"] = {"k8s.io/initial-events-end": "true"}
        obj: Object = {
            "kind": self._resource.kind,
            "apiVersion": self._resource.api_version,
            "metadata": about,
        }
        if self._form == "partial":
            obj = partial(obj)
        elif self._form == "table":
            obj = table(self._resource, [obj], "Object", about, headed=not self._headed)
            self._headed = True
        return watch_frame("BOOKMARK", encode_json(obj))


def watch_frame(kind: str, encoded: bytes) -> bytes:
    """A line of a watch stream around an encoded object."""
    return b"".join((b'{"type":"', kind.encode(), b'","object":', encoded, b"}\n"))


def partial(obj: Object) -> Object:
    """The object's metadata alone, as PartialObjectMetadata."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": obj["metadata"],
    }


def table(
    resource: Resource,
    objects: Sequence[Object],
    include_object: str,
    list_meta: Object,
    *,
    headed: bool = True,
) -> Object:
    """Objects as a meta.k8s.io/v1 Table."""
    from controlplane.api.tables.render import to_table

    return to_table(
        resource, objects, include_object=include_object, list_meta=list_meta, headed=headed
    )
