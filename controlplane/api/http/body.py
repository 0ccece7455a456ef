"""Request bodies: bounded, decoded from JSON, YAML or protobuf, and checked to be objects."""

from __future__ import annotations

import asyncio
import json
import math
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from controlplane.api import errors

MAX_BODY_BYTES = 3 * 1024 * 1024
READ_TIMEOUT_S = 60.0
"""As long as a real API server takes for a whole request."""

JSON = "application/json"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"


@dataclass(frozen=True, slots=True)
class Body:
    """A decoded object, and the names of fields that were given twice."""

    obj: dict[str, Any]
    duplicates: tuple[str, ...] = ()


async def read(request: web.Request) -> bytes:
    """The raw body.

    Raises StatusError: 413 above MAX_BODY_BYTES, 408 when it is not there in READ_TIMEOUT_S,
    400 when its encoding is broken.
    """
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise errors.request_too_large(MAX_BODY_BYTES)
    try:
        async with asyncio.timeout(READ_TIMEOUT_S):
            return await _read_all(request)
    except TimeoutError as error:
        raise errors.request_timeout(f"the body took longer than {READ_TIMEOUT_S:g} s") from error
    except web.RequestPayloadError as error:
        raise errors.bad_request("the body does not have the encoding that it claims") from error


async def _read_all(request: web.Request) -> bytes:
    parts, size = [], 0
    async for part in request.content.iter_any():
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise errors.request_too_large(MAX_BODY_BYTES)
        parts.append(part)
    return b"".join(parts)


def media_type(content_type: str) -> str:
    """The type without its parameters; none at all means JSON."""
    return content_type.partition(";")[0].strip().lower() or JSON


def decode(raw: bytes, content_type: str) -> Body:
    """The object in a body. Raises StatusError 400 or 415."""
    kind = media_type(content_type)
    try:
        if kind in (JSON, "application/octet-stream", "application/x-www-form-urlencoded"):
            body = _decode_json(raw)
        elif kind in (YAML, "application/x-yaml", "text/yaml"):
            body = decode_yaml(raw)
        elif kind == PROTOBUF:
            body = _decode_protobuf(raw)
        else:
            raise errors.unsupported_media_type([JSON, YAML, PROTOBUF])
    except RecursionError as error:
        raise errors.bad_request("the body is nested too deeply") from error
    if not isinstance(body.obj, dict):
        raise errors.bad_request("the object provided is unrecognized (must be of type Object)")
    return body


def _decode_json(raw: bytes) -> Body:
    repeated = False

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal repeated
        made = dict(items)
        repeated = repeated or len(made) != len(items)
        return made

    try:
        obj = load_json(raw, object_pairs_hook=pairs)
    except (ValueError, UnicodeDecodeError) as error:
        raise errors.bad_request(f"couldn't get version/kind; json parse error: {error}") from error
    return Body(obj, _repeated_fields(raw) if repeated else ())


def load_json(raw: bytes, **options: Any) -> Any:
    """json.loads as a real API server reads. Raises ValueError for NaN and endless numbers.

    Halves of surrogate pairs become U+FFFD. Python would keep them, but they are no characters
    and cannot be written anywhere.
    """
    loaded = json.loads(raw, parse_constant=_no_constant, parse_float=_finite, **options)
    if b"\\ud" not in raw and b"\\uD" not in raw:
        return loaded
    return json.loads(_whole_characters(json.dumps(loaded, ensure_ascii=False)))


def _whole_characters(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _no_constant(name: str) -> Any:
    raise ValueError(f"invalid character '{name[0]}' looking for beginning of value")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"number {text} is out of range")
    return number


def _repeated_fields(raw: bytes) -> tuple[str, ...]:
    """Paths of the fields that are there twice; a second parse, only for bodies that have some."""
    found: list[str] = []

    def walk(value: Any, path: str) -> None:
        if isinstance(value, list):
            for index, item in enumerate(value):
                walk(item, f"{path}[{index}]")
        elif isinstance(value, tuple):
            seen: set[str] = set()
            for key, item in value:
                below = f"{path}.{key}" if path else key
                if key in seen:
                    found.append(below)
                seen.add(key)
                walk(item, below)

    walk(json.loads(raw, object_pairs_hook=tuple), "")
    return tuple(found)


def decode_yaml(raw: bytes) -> Body:
    """One YAML document as an object, dates left as text. Raises StatusError 400."""
    from controlplane.api.http.yaml_body import UnreadableYaml, load_yaml

    try:
        return Body(load_json(json.dumps(load_yaml(raw), allow_nan=False).encode()))
    except (UnreadableYaml, ValueError, TypeError) as error:
        raise errors.bad_request(f"error converting YAML to JSON: {error}") from error


def _decode_protobuf(raw: bytes) -> Body:
    from controlplane.api.protobuf.decode import decode_body

    return Body(decode_body(raw))
