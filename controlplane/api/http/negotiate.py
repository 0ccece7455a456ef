"""Which representation a client wants: the object, its metadata, or a table."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from controlplane.api import errors

Form = Literal["object", "table", "partial"]
JSON = "application/json"
YAML = "application/yaml"
_ANY = ("*/*", "application/*")
_FORMS: dict[str, Form] = {
    "": "object",
    "Table": "table",
    "PartialObjectMetadata": "partial",
    "PartialObjectMetadataList": "partial",
}


@dataclass(frozen=True, slots=True)
class Representation:
    """A form and its media type."""

    form: Form = "object"
    media_type: str = JSON


PLAIN = Representation()


@lru_cache(maxsize=256)
def negotiate(accept: str) -> Representation:
    """The first acceptable representation that is served. Raises StatusError 406."""
    if not accept.strip():
        return PLAIN
    for wanted in accept.split(","):
        media_type, parameters = parse_media_range(wanted)
        form = _FORMS.get(parameters.get("as", ""))
        if form is None or (form != "object" and parameters.get("v", "v1") != "v1"):
            continue
        if media_type == JSON or media_type in _ANY:
            return Representation(form, JSON)
        if media_type == YAML:
            return Representation(form, YAML)
    raise errors.not_acceptable([JSON, YAML])


def parse_media_range(text: str) -> tuple[str, dict[str, str]]:
    """`application/json;as=Table;v=v1` as its type and its parameters."""
    media_type, *rest = (part.strip() for part in text.split(";"))
    pairs = (part.partition("=") for part in rest)
    return media_type.lower(), {name: value for name, _, value in pairs}


def wants_aggregated_discovery(accept: str) -> bool:
    """Whether the client prefers APIGroupDiscoveryList v2 over the legacy documents."""
    for wanted in accept.split(","):
        media_type, parameters = parse_media_range(wanted)
        if parameters.get("as") == "APIGroupDiscoveryList":
            if parameters.get("v") == "v2" and media_type == JSON:
                return True
        elif media_type == JSON:
            return False
    return False
