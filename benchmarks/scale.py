"""How kubehop bears many Services, and many nodes on one machine: figures from real programs.

A change is measured from before its request until every node's tables have it, asked for over
the same API; what the asking takes is part of the figure.
"""

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import policies
from benchmarks.first_packet import first_packet_us
from benchmarks.flow_recording import recording_percent
from benchmarks.scale_cluster import (
    Api,
    Json,
    connected,
    memory_mb,
    revision_of,
    running_cluster,
)

_SIZES = (10, 100, 1_000, 10_000)
_NODE_COUNTS = (20, 50)
_CHANGES = 100
_SERVICES = "/api/v1/namespaces/default/services"
_SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
_NETWORK_POLICIES = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies"
_DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
_CLUSTER = "scale"
_PODS_PER_NODE = 2

Row = dict[str, Any]


def measure() -> list[Row]:
    """All rows; takes some minutes. The clusters it starts are gone afterwards."""
    rows = list(_first_packets())
    rows += [_row(*figure) for figure in policies.figures()]
    rows.append(_row("flow-recording", recording_percent(), "% of a short connection's CPU", 3.0))
    with running_cluster(_CLUSTER, 3) as (kubeconfig, _):
        rows += asyncio.run(_policy_changes(kubeconfig))
        rows += asyncio.run(_services(kubeconfig))
    for count in _NODE_COUNTS:
        with running_cluster(f"{_CLUSTER}{count}", count) as (kubeconfig, ready_s):
            rows.append(_row(f"nodes-{count}-ready", ready_s, "s until all are Ready"))
            rows += asyncio.run(_nodes(kubeconfig, count))
    return rows


def _row(name: str, value: float, unit: str, goal: float | None = None) -> Row:
    return {
        "name": name,
        "kernel": None,
        "kubehop": round(value, 3),
        "ratio": None,
        "unit": unit,
        "goal": goal,
    }


def _first_packets() -> Iterator[Row]:
    sizes = (10, 1_000, 10_000)
    values = first_packet_us(sizes)
    for size in sizes:
        yield _row(f"first-packet-{size}", values[size], "us to decide")
    growth = values[10_000] / values[10]
    yield _row("first-packet-growth", growth, "x, 10,000 services against 10", 1.2)


async def _services(kubeconfig: Path) -> list[Row]:
    rows: list[Row] = []
    loaded = 0
    async with connected(kubeconfig) as api:
        for size in _SIZES:
            began = time.monotonic()
            await _load(api, range(loaded, size))
            loaded = size
            loading_s = time.monotonic() - began
            changes_ms = [await _change_ms(api, turn, size) for turn in range(_CHANGES)]
            cuts = statistics.quantiles(changes_ms, n=100)
            goal = 100 if size == _SIZES[-1] else None
            rows.append(_row(f"change-p50-{size}", cuts[49], "ms to the last node", goal))
            rows.append(_row(f"change-p99-{size}", cuts[98], "ms to the last node", goal))
        await _check_tables(api, loaded)
        rows.append(_row("load-10000", loading_s, "s for the last 9,000 services"))
        rows.append(
            _row("new-service-10000", await _one_service_s(api) * 1000, "ms to the last node")
        )
    agents = memory_mb(_CLUSTER, "nodeagent")
    rows.append(_row("agent-pss-10000", max(agents), "MB, agent with 10,000 services", 150))
    control_plane = memory_mb(_CLUSTER, "controlplane")
    rows.append(_row("controlplane-pss-10000", max(control_plane), "MB, 10,000 services"))
    return rows


async def _policy_changes(kubeconfig: Path) -> list[Row]:
    """From the acknowledgement of a policy until the last node judges by it."""
    async with connected(kubeconfig) as api:
        name = f"{_NETWORK_POLICIES}/bench"
        await api.request("POST", _NETWORK_POLICIES, _network_policy(80))
        taken_ms = []
        for turn in range(_CHANGES):
            changed = await api.request("PUT", name, _network_policy(81 + turn))
            acknowledged = time.monotonic()
            await api.programmed(revision_of(changed))
            taken_ms.append((time.monotonic() - acknowledged) * 1000)
        await api.request("DELETE", name)
    cuts = statistics.quantiles(taken_ms, n=100)
    unit = "ms from a policy's acknowledgement to the last node"
    return [_row("policy-p50", cuts[49], unit), _row("policy-p99", cuts[98], unit, 100)]


def _network_policy(port: int) -> Json:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "bench"},
        "spec": {"podSelector": {}, "ingress": [{"ports": [{"port": port}]}]},
    }


async def _load(api: Api, numbers: range) -> None:
    await api.create_all((_SERVICES, _service(number)) for number in numbers)
    await api.create_all((_SLICES, _slice(number, 0)) for number in numbers)
    last = await api.request("GET", f"{_SLICES}/{_name(numbers[-1])}")
    await api.programmed(revision_of(last))


async def _change_ms(api: Api, turn: int, size: int) -> float:
    """One endpoint of one Service becomes another one, until the last node has it."""
    number = turn * 7919 % size
    began = time.monotonic()
    changed = await api.request("PUT", f"{_SLICES}/{_name(number)}", _slice(number, turn + 1))
    await api.programmed(revision_of(changed))
    return (time.monotonic() - began) * 1000


async def _one_service_s(api: Api) -> float:
    began = time.monotonic()
    created = await api.request("POST", _SERVICES, _service(99_999))
    await api.programmed(revision_of(created))
    return time.monotonic() - began


async def _check_tables(api: Api, size: int) -> None:
    """A figure counts only if the tables are right."""
    turn = _CHANGES - 1
    number = turn * 7919 % size
    wanted = {f"{address}:8080" for address in _addresses(number, turn + 1)}
    for node in api.nodes:
        (table,) = (await api.table(node, "services"))["tables"]
        rows = {row[0]: row for row in table["rows"]}
        if set(rows[f"default/{_name(number)}:http"][3].split()) != wanted:
            raise RuntimeError(f"{node} has not the endpoints that were written last")
        if len(rows) < size:
            raise RuntimeError(f"{node} has {len(rows)} services of {size}")


async def _nodes(kubeconfig: Path, count: int) -> list[Row]:
    pods = count * _PODS_PER_NODE
    began = time.monotonic()
    async with connected(kubeconfig) as api:
        await api.request("POST", _DEPLOYMENTS, _deployment(pods))
        await _all_ready(api, pods)
    elapsed = time.monotonic() - began
    name = f"{_CLUSTER}{count}"
    agents = memory_mb(name, "nodeagent")
    return [
        _row(f"nodes-{count}-pods", elapsed, f"s until {pods} pods are Ready"),
        _row(f"nodes-{count}-memory", sum(memory_mb(name)), f"MB, whole cluster with {pods} pods"),
        _row(f"nodes-{count}-agent-pss", statistics.median(agents), "MB, one agent"),
    ]


async def _all_ready(api: Api, pods: int) -> None:
    path = f"{_DEPLOYMENTS}?watch=true&fieldSelector=metadata.name%3Dmany"
    async for event in api.watch(path):
        if event["object"].get("status", {}).get("readyReplicas", 0) == pods:
            return


def _name(number: int) -> str:
    return f"svc-{number:05}"


def _service(number: int) -> Json:
    port = {"name": "http", "port": 80, "targetPort": 8080}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": _name(number)},
        "spec": {"ports": [port]},
    }


def _addresses(number: int, turn: int) -> tuple[str, str]:
    third, last = number // 200 % 250, number % 200
    return f"10.244.{third}.{2 + last}", f"10.244.{third}.{2 + (last + 1 + turn) % 250}"


def _slice(number: int, turn: int) -> Json:
    name = _name(number)
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8080}],
        "endpoints": [{"addresses": [address]} for address in _addresses(number, turn)],
    }


def _deployment(replicas: int) -> Json:
    labels = {"app": "many"}
    container = {"name": "pause", "image": "registry.k8s.io/pause:3.9"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "many"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


if __name__ == "__main__":
    json.dump({"rows": measure()}, sys.stdout, indent=2)
