"""What a capture's arguments mean: a place first, then the words of a filter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kubehop.kubernetes.pods import find_pod
from netcore.capture.filter import parse_filter
from netcore.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from kubehop.kubernetes.client import ApiClient

_PODS = ("pod", "pods", "po", "deploy", "deployment", "deployments", "deployment.apps")
_NODES = ("node", "nodes", "no")
_LINK = "link"


@dataclass(frozen=True, slots=True)
class Arguments:
    """`kind` is pod, node, link or empty (everywhere); `value` as the user wrote it."""

    kind: str
    value: str
    filter: str


def parse_arguments(words: Sequence[str]) -> Arguments:
    """Raises ConfigError for a filter that cannot be, and for half a link."""
    kind, value, rest = "", "", list(words)
    if rest and rest[0] == _LINK:
        if len(rest) < 2:
            raise ConfigError("link: give two nodes, as in: kubehop capture link node-1-node-2")
        kind, value, rest = _LINK, rest[1], rest[2:]
    elif rest and "/" in rest[0]:
        prefix, _, name = rest[0].partition("/")
        if prefix in (*_PODS, *_NODES, _LINK) and name:
            kind = _LINK if prefix == _LINK else "pod" if prefix in _PODS else "node"
            value, rest = (rest[0] if kind == "pod" else name), rest[1:]
    text = " ".join(rest)
    parse_filter(text)
    return Arguments(kind, value, text)


def target(client: ApiClient, namespace: str, found: Arguments) -> dict[str, Any]:
    """The part of the request that says where. Raises ConfigError or ApiError."""
    match found.kind:
        case "pod":
            return {
                "pod": {"namespace": namespace, "name": find_pod(client, namespace, found.value)}
            }
        case "node":
            return {"node": found.value}
        case "link":
            nodes = {node["metadata"]["name"] for node in client.get("/api/v1/nodes")["items"]}
            return {"link": list(split_link(found.value, nodes))}
    return {}


def split_link(value: str, nodes: Collection[str]) -> tuple[str, str]:
    """The two nodes of A-B, whose names may have dashes themselves. Raises ConfigError."""
    for at, character in enumerate(value):
        ends = value[:at], value[at + 1 :]
        if character == "-" and all(end in nodes for end in ends) and ends[0] != ends[1]:
            return ends
    known = ", ".join(sorted(nodes))
    raise ConfigError(f"link {value!r}: give two different nodes as A-B; there are {known}")
