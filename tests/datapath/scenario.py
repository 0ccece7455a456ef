"""Scenario files: what they say, as objects of netcore. See README.md for their syntax."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from netcore.model.address import packed, parse_address, parse_mac, parse_network
from netcore.model.change import Batch, Change, NetworkObject
from netcore.model.config import ClusterConfig
from netcore.model.endpoint import Endpoint, EndpointPort, EndpointSlice
from netcore.model.node import Node
from netcore.model.pod import Pod
from netcore.model.service import Service, ServicePort
from netcore.pipeline.snapshot import Snapshot

Json = dict[str, Any]

CONFIG = ClusterConfig(
    "scenario",
    (parse_network("10.244.0.0/16"), parse_network("fd00:10:244::/48")),
    (parse_network("10.96.0.0/16"), parse_network("fd00:10:96::/112")),
    (parse_address("10.96.0.10"),),
)


@dataclass(frozen=True)
class Scenario:
    """`steps` and `tables` are as in the file."""

    name: str
    needs: frozenset[str]
    snapshot: Snapshot
    steps: tuple[Json, ...]
    tables: dict[str, list[str]]


def load(path: Path) -> Scenario:
    data = yaml.safe_load(path.read_text())
    unknown = set(data) - {"node", "needs", "steps", "tables", *_KINDS}
    assert not unknown, f"{path.name}: unknown keys {unknown}"
    start = Snapshot(CONFIG, data["node"])
    objects = (Change(CONFIG), *map(Change, objects_of(data)))
    return Scenario(
        path.stem,
        frozenset(data.get("needs", ())),
        start.advance(Batch("scenario", 1, objects)),
        tuple(data["steps"]),
        data.get("tables", {}),
    )


def changed(snapshot: Snapshot, change: Json) -> Snapshot:
    """The picture after a `change` step."""
    deleted = change.get("delete", False)
    changes = tuple(Change(each, deleted) for each in objects_of(change))
    return snapshot.advance(Batch("scenario", snapshot.revision + 1, changes))


def objects_of(data: Json) -> list[NetworkObject]:
    return [build(item) for kind, build in _KINDS.items() for item in data.get(kind, ())]


def ends(value: str) -> tuple[bytes, int]:
    """Address and port (0 when absent) of `10.0.0.1:80`, `[fd00::1]:80` or an address alone."""
    if value.startswith("["):
        host, _, port = value[1:].partition("]")
        return packed(host), int(port[1:] or 0)
    if value.count(":") > 1:
        return packed(value), 0
    host, _, port = value.partition(":")
    return packed(host), int(port or 0)


def _node(item: Json) -> Node:
    return Node(
        item["name"],
        tuple(map(parse_address, item["underlay"])),
        tuple(map(parse_network, item["podCIDRs"])),
        parse_mac(item["vtep"]) if "vtep" in item else b"",
        True,
    )


def _pod(item: Json) -> Pod:
    namespace, name = item["name"].split("/")
    ips = tuple(map(parse_address, item["ips"]))
    return Pod(namespace, name, f"uid-{name}", item["node"], ips)


def _service(item: Json) -> Service:
    namespace, name = item["name"].split("/")
    return Service(
        namespace,
        name,
        cluster_ips=tuple(map(parse_address, item["clusterIPs"])),
        ports=tuple(ServicePort(p["name"], p["protocol"], p["port"]) for p in item["ports"]),
    )


def _slice(item: Json) -> EndpointSlice:
    namespace, service = item["service"].split("/")
    return EndpointSlice(
        namespace,
        item.get("name", f"{service}-1"),
        service,
        item.get("addressType", "IPv4"),
        tuple(EndpointPort(p["name"], p["protocol"], p["port"]) for p in item["ports"]),
        tuple(
            Endpoint(
                tuple(map(parse_address, each["addresses"])),
                ready=each.get("ready", True),
                serving=each.get("serving", True),
                terminating=each.get("terminating", False),
            )
            for each in item["endpoints"]
        ),
    )


_KINDS = {"nodes": _node, "pods": _pod, "services": _service, "slices": _slice}
