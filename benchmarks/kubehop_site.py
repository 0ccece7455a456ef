"""kubehop's way: a real local cluster, its pods and its Service made through its API."""

import asyncio
import contextlib
import os
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import first_request
from benchmarks.place import Place, ProbeFailed
from benchmarks.scale_cluster import memory_mb, running_cluster
from benchmarks.site import HTTP_PORT, NodePlan, Plan, Site
from kubehop.kubernetes.client import ApiClient
from kubehop.kubernetes.credentials import Credentials, load_credentials
from kubehop.kubernetes.execute import Executor
from kubehop.kubernetes.paths import object_path

_SERVICE = "web"
_NAMESPACE = "default"
_PODS = {"client": 0, "neighbour": 0, "server": 1}
_PATIENCE_S = 30.0
_REQUESTS = 7


@contextlib.contextmanager
def kubehop_site(name: str) -> Iterator[Site]:
    """A cluster of two nodes with this name. It is gone afterwards.

    Raises RuntimeError when the cluster does not start, ProbeFailed, ApiError, OSError.
    """
    with running_cluster(name, 2) as (kubeconfig, _), contextlib.ExitStack() as stack:
        credentials = load_credentials(kubeconfig)
        client = ApiClient(credentials)
        stack.callback(client.close)
        plan = _furnish(client)
        places = {}
        for pod in _PODS:
            netns = _open_netns(_execute(credentials, pod, "readlink", "/proc/self/ns/net"), pod)
            stack.callback(os.close, netns)
            places[pod] = Place(f"kubehop {pod}", netns)
        yield Site(
            "kubehop",
            plan,
            places["client"],
            places["neighbour"],
            places["server"],
            first_request_ms=lambda: _first_request_ms(credentials),
            agent_memory_mb=lambda: statistics.median(memory_mb(name, "nodeagent")),
        )


def _furnish(client: ApiClient) -> Plan:
    nodes = client.get("/api/v1/nodes")["items"]
    for pod, home in _PODS.items():
        manifest = _pod(pod, nodes[home]["metadata"]["name"])
        client.apply(object_path(manifest), manifest)
    service = client.apply(object_path(_service()), _service())
    addresses = {pod: _await_address(client, pod) for pod in _PODS}
    return Plan(
        nodes=(_node_plan(nodes[0]), _node_plan(nodes[1])),
        service=service["spec"]["clusterIP"],
        **addresses,
    )


def _node_plan(node: dict[str, Any]) -> NodePlan:
    addresses = {x["type"]: x["address"] for x in node["status"]["addresses"]}
    return NodePlan(addresses["InternalIP"], node["spec"]["podCIDR"])


def _pod(name: str, node: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"nodeName": node, "containers": [{"name": "pause", "image": "pause"}]},
    }


def _service() -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": _SERVICE},
        "spec": {"selector": {"app": "server"}, "ports": [{"port": HTTP_PORT}]},
    }


def _await_address(client: ApiClient, pod: str) -> str:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        status = client.get(f"/api/v1/namespaces/{_NAMESPACE}/pods/{pod}").get("status", {})
        conditions = {x["type"]: x["status"] for x in status.get("conditions", ())}
        if conditions.get("Ready") == "True":
            return str(status["podIP"])
        time.sleep(0.05)
    raise ProbeFailed(f"kubehop: pod {pod} is not Ready after {_PATIENCE_S:g} s")


def _open_netns(link: str, pod: str) -> int:
    """A descriptor of the namespace which the pod sees as `link` ("net:[4026532182]")."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if os.readlink(entry / "ns/net") == link:
                return os.open(entry / "ns/net", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            continue  # it has just ended
    raise ProbeFailed(f"kubehop: no process of pod {pod} is to be found in /proc")


def _first_request_ms(credentials: Credentials) -> float:
    """Median of some requests, each by a process of its own: no name and no flow is known."""
    command = (sys.executable, "-I", first_request.__file__, _SERVICE)
    return statistics.median(
        float(_execute(credentials, "client", *command)) for _ in range(_REQUESTS)
    )


def _execute(credentials: Credentials, pod: str, *command: str) -> str:
    async def run() -> str:
        async with Executor(credentials) as executor:
            done = await executor.run(_NAMESPACE, pod, command)
        if done.exit_code != 0:
            words = done.stderr.decode(errors="replace").strip().splitlines()
            raise ProbeFailed(f"kubehop {pod}: {command[0]}: {words[-1:]}")
        return done.stdout.decode().strip()

    return asyncio.run(run())
