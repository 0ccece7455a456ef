"""Request bodies: bounded, decoded from JSON, YAML or protobuf, and checked to be objects."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from controlplane.api import errors

if TYPE_CHECKING:
    from aiohttp import web

MAX_BODY_BYTES = 3 * 1024 * 1024
JSON = "application/json"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
_MAX_YAML_NODES = 500_000
_MAX_YAML_DEPTH = 1000
_MAX_DEPTH_MESSAGE = "the body is nested too deeply"


@dataclass(frozen=True, slots=True)
class Body:
    """A decoded object, and the names of fields that were given twice."""

    obj: dict[str, Any]
    duplicates: tuple[str, ...] = ()


async def read(request: web.Request) -> bytes:
    """The raw body. Raises StatusError 413 above MAX_BODY_BYTES."""
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise errors.request_too_large(MAX_BODY_BYTES)
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
        raise errors.bad_request(_MAX_DEPTH_MESSAGE) from error
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
        obj = load_json(raw, object_pairs_hook=pairs, parse_constant=_no_constant)
    except (ValueError, UnicodeDecodeError) as error:
        raise errors.bad_request(f"couldn't get version/kind; json parse error: {error}") from error
    return Body(obj, _repeated_fields(raw) if repeated else ())


def load_json(raw: bytes, **options: Any) -> Any:
    """json.loads; halves of surrogate pairs become U+FFFD, as a real API server reads them.

    Python would keep them, but they are no characters and cannot be written anywhere.
    """
    loaded = json.loads(raw, **options)
    if b"\\ud" not in raw and b"\\uD" not in raw:
        return loaded
    return json.loads(_whole_characters(json.dumps(loaded, ensure_ascii=False)))


def _whole_characters(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _no_constant(name: str) -> Any:
    raise ValueError(f"invalid character '{name[0]}' looking for beginning of value")


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
    import yaml

    try:
        _check_yaml_depth(raw)
        loaded = yaml.load(raw, Loader=_yaml_loader())
        if not _smaller_than(loaded, _MAX_YAML_NODES):
            raise errors.bad_request("error converting YAML to JSON: excessive aliasing")
        return Body(load_json(json.dumps(loaded).encode()))
    except (yaml.YAMLError, ValueError, TypeError) as error:
        text = " ".join(str(error).split())
        raise errors.bad_request(f"error converting YAML to JSON: {text}") from error


def _check_yaml_depth(raw: bytes) -> None:
    """The loader in C goes down a level a call: too many end the process, not the request."""
    import yaml

    depth = 0
    for event in yaml.parse(raw, Loader=_yaml_loader()):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _MAX_YAML_DEPTH:
                raise errors.bad_request(_MAX_DEPTH_MESSAGE)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _smaller_than(value: Any, limit: int) -> bool:
    """Whether a tree has fewer nodes, its aliases counted wherever they are used."""
    stack, count = [value], 0
    while stack:
        node = stack.pop()
        count += 1
        if count + len(stack) > limit:
            return False
        if isinstance(node, dict):
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)
    return True


@cache
def _yaml_loader() -> Any:
    """PyYAML's safe loader (the C one where there is one), without dates."""
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        pass

    Loader.yaml_implicit_resolvers = {
        first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
        for first, pairs in Loader.yaml_implicit_resolvers.items()
    }
    return Loader


def _decode_protobuf(raw: bytes) -> Body:
    from controlplane.api.protobuf.decode import decode_body

    return Body(decode_body(raw))
