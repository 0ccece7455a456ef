"""The cluster's nodes, and an error that names them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netcore.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kubehop.kubernetes.client import ApiClient


def find_node(client: ApiClient, name: str) -> dict[str, Any]:
    """The Node object. Raises ConfigError with the nodes that there are."""
    nodes = {node["metadata"]["name"]: node for node in _nodes(client)}
    if name not in nodes:
        raise no_such_node(name, nodes)
    return nodes[name]


def node_names(client: ApiClient) -> list[str]:
    """The names of all nodes."""
    return [node["metadata"]["name"] for node in _nodes(client)]


def no_such_node(name: str, nodes: Iterable[str]) -> ConfigError:
    """An error that names the nodes that there are."""
    return ConfigError(f'node "{name}" not found: there are {", ".join(sorted(nodes)) or "none"}')


def node_addresses(node: dict[str, Any]) -> tuple[str, ...]:
    """The InternalIPs of a node."""
    listed = node.get("status", {}).get("addresses", ())
    return tuple(found["address"] for found in listed if found["type"] == "InternalIP")


def _nodes(client: ApiClient) -> list[dict[str, Any]]:
    return list(client.get("/api/v1/nodes")["items"])
