"""`kubehop demo`: from nothing to HTTP through a Service, told as it happens."""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
from typing import TYPE_CHECKING

import click

from kubehop.cli.progress import Steps
from kubehop.local.cluster import Wishes, create, delete
from kubehop.local.spec import ClusterSpec, workers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubehop.kubernetes.client import ApiClient
    from kubehop.kubernetes.credentials import Credentials
    from kubehop.local.paths import ClusterPaths

CLUSTER = "kubehop-demo"
_NODES = 3
_REQUESTS = 6
_READY_TIMEOUT_S = 60.0
_TRACE_TIMEOUT_S = 10.0


@click.command("demo")
@click.option("--keep", is_flag=True, help="Leave the cluster running at the end.")
def command(keep: bool) -> None:
    """Start a cluster, send HTTP between pods on three nodes, show each hop, tear it down.

    Exit code 0 only when every request succeeded.
    """
    began = time.monotonic()
    click.echo(f"A Kubernetes network on this machine: {_NODES} nodes, real packets.\n")
    ended = False
    paths = None
    try:
        with Steps() as steps:
            paths = create(ClusterSpec(CLUSTER, workers(CLUSTER, _NODES)), Wishes(), steps.begin)
            credentials, client = _deploy(paths, steps)
        succeeded = _tell(credentials, client)
        _say_what_next(paths, keep)
        ended = True
    finally:
        if paths and not (keep and ended):
            delete(CLUSTER)
            click.echo(f'Deleted the cluster "{CLUSTER}".')
    if not succeeded:
        click.echo("Not every request succeeded.", err=True)
        raise click.exceptions.Exit(1)
    click.echo(f"All of this took {time.monotonic() - began:.1f} s.")


def _deploy(paths: ClusterPaths, steps: Steps) -> tuple[Credentials, ApiClient]:
    from kubehop.demo.shop import apply_shop, shop_folder, wait_for_shop
    from kubehop.kubernetes.client import ApiClient
    from kubehop.kubernetes.credentials import load_credentials

    steps.begin(f"Applying {shop_folder().parent.name}/{shop_folder().name}")
    credentials = load_credentials(paths.kubeconfig)
    client = ApiClient(credentials)
    apply_shop(client)
    steps.begin("Waiting for the shop's pods")
    wait_for_shop(client, _READY_TIMEOUT_S)
    return credentials, client


def _tell(credentials: Credentials, client: ApiClient) -> bool:
    """Sends the requests and traces one: whether all of them succeeded."""
    from kubehop.cli.trace_http import show
    from kubehop.demo.requests import URL
    from kubehop.demo.shop import FRONTEND, NAMESPACE
    from kubehop.kubernetes.paths import trace_path
    from kubehop.kubernetes.pods import list_pods, load_names

    pod_nodes = load_names(client).pod_nodes
    frontend = list_pods(client, NAMESPACE, FRONTEND)[0]["metadata"]["name"]
    click.echo(f"\n{_REQUESTS} requests to {URL} from {frontend} on {pod_nodes[frontend]}:")
    succeeded = asyncio.run(_send(credentials, NAMESPACE, frontend, pod_nodes))
    click.echo("\nOne more request, hop by hop, as the nodes decided it:\n")
    body = {"url": URL, "timeoutSeconds": _TRACE_TIMEOUT_S}
    lines = list(client.stream(trace_path(NAMESPACE, frontend), body))
    show(client, lines)
    traced = [line for line in lines if line["type"] == "result"]
    return succeeded and bool(traced) and all(line["exitCode"] == 0 for line in traced)


async def _send(
    credentials: Credentials, namespace: str, pod: str, pod_nodes: dict[str, str]
) -> bool:
    from kubehop.demo.requests import send_requests

    succeeded = True
    async for answer in send_requests(credentials, namespace, pod, _REQUESTS):
        if answer.problem:
            succeeded = False
            click.echo(f"  failed: {answer.problem}")
        else:
            node = pod_nodes.get(answer.pod, "an unknown node")
            click.echo(f"  answered by {answer.pod} on {node} after {answer.total_ms:.1f} ms")
    return succeeded


def _say_what_next(paths: ClusterPaths, keep: bool) -> None:
    click.echo("\nWhat to try next:")
    for line in _next_steps(paths, keep):
        click.echo(f"  {line}")
    click.echo("")


def _next_steps(paths: ClusterPaths, keep: bool) -> Iterator[str]:
    from kubehop.demo.shop import shop_folder

    kubehop = "kubehop" if shutil.which("kubehop") else sys.argv[0]
    if keep:
        yield f"export KUBECONFIG={paths.kubeconfig}"
        yield "kubectl get pods -o wide"
        yield f"{kubehop} trace --name {CLUSTER} deploy/frontend http://backend"
        yield f"{kubehop} node {CLUSTER}-worker dump --name {CLUSTER}"
        yield f"{kubehop} down --name {CLUSTER}"
        return
    yield f"{kubehop} up  # a cluster that stays, and your kubectl"
    yield f"kubectl apply -f {shop_folder()}"
    yield "kubectl exec deploy/frontend -- kubehop-http-get http://backend"
    yield f"{kubehop} trace deploy/frontend http://backend"
    yield f"{kubehop} down"
