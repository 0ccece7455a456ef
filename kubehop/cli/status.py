"""`kubehop status`: the programs and nodes of a cluster."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from kubehop.cli.options import cluster_name, output_format
from kubehop.cli.tables import show_table
from kubehop.local.cluster import running, status
from netcore.model.errors import KubehopError
from netcore.model.node import PROXY_MODE_LABEL
from netcore.model.offloads import ALL_OFFLOADS

if TYPE_CHECKING:
    from kubehop.local.paths import ClusterPaths

_SHOWN = {"address": "ADDRESS", "podCIDR": "POD CIDR", "proxyMode": "PROXY MODE"}
_CAPABILITIES = "kubehop.dev/capabilities"


@click.command("status")
@cluster_name
@output_format
def command(name: str, output: str) -> None:
    """Show whether a cluster's programs run and its nodes are Ready.

    Exit code 0: all is well; 1: something is not, or no such cluster runs.
    """
    paths = running(name)
    found = status(name)
    nodes, problem = _nodes(paths, found["spec"]["proxy_mode"])
    healthy = problem is None and all(node["ready"] for node in nodes)
    healthy = healthy and all(c["state"] == "running" for c in found["components"])
    if output == "json":
        click.echo(json.dumps(_as_json(found, nodes, problem, healthy), indent=2))
    else:
        _show(found, nodes, problem)
    if not healthy:
        raise click.exceptions.Exit(1)


def _nodes(paths: ClusterPaths, proxy_mode: str) -> tuple[list[dict[str, Any]], str | None]:
    from kubehop.kubernetes.client import ApiClient
    from kubehop.kubernetes.conditions import is_ready
    from kubehop.kubernetes.credentials import load_credentials

    try:
        client = ApiClient(load_credentials(paths.kubeconfig), timeout_s=5)
        items = client.get("/api/v1/nodes")["items"]
    except KubehopError as error:
        return [], str(error)
    return [
        {
            "name": node["metadata"]["name"],
            "ready": is_ready(node),
            "podCIDR": node.get("spec", {}).get("podCIDR", ""),
            "address": _address(node),
            "proxyMode": node["metadata"].get("labels", {}).get(PROXY_MODE_LABEL, proxy_mode),
            "missingOffloads": _missing_offloads(node),
        }
        for node in items
    ], None


def _address(node: dict[str, Any]) -> str:
    addresses = node.get("status", {}).get("addresses", [])
    return next((a["address"] for a in addresses if a["type"] == "InternalIP"), "")


def _missing_offloads(node: dict[str, Any]) -> list[str]:
    """What the node's kernel does not take off its datapath; none for a node without an agent."""
    found = node["metadata"].get("annotations", {}).get(_CAPABILITIES, "")
    capabilities = found.split(",")
    return [name for name in ALL_OFFLOADS if found and name not in capabilities]


def _as_json(
    found: dict[str, Any], nodes: list[dict[str, Any]], problem: str | None, healthy: bool
) -> dict[str, Any]:
    return {
        "name": found["name"],
        "healthy": healthy,
        "server": found["server"],
        "podCIDR": found["spec"]["pod_cidr"],
        "serviceCIDR": found["spec"]["service_cidr"],
        "proxyMode": found["spec"]["proxy_mode"],
        "components": found["components"],
        "nodes": nodes,
        "problem": problem,
    }


def _show(found: dict[str, Any], nodes: list[dict[str, Any]], problem: str | None) -> None:
    click.echo(f"Cluster {found['name']}, API server {found['server']}\n")
    ready = {node["name"]: node for node in nodes}
    rows = []
    for component in found["components"]:
        node = ready.get(component["name"])
        state = component["state"]
        if node:
            state += ", Ready" if node["ready"] else ", NotReady"
        own = [node[field] for field in _SHOWN] if node else [""] * len(_SHOWN)
        rows.append((component["name"], state, str(component["restarts"]), *own))
    show_table(("PROGRAM", "STATE", "RESTARTS", *_SHOWN.values()), rows)
    for node in nodes:
        if node["missingOffloads"]:
            missing = ", ".join(node["missingOffloads"])
            click.echo(f"\n{node['name']} is slower than it could be: its kernel has no {missing}")
    if problem:
        click.echo(f"\n{problem}", err=True)
