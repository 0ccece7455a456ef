"""`kubehop trace`: every hop of one real HTTP request."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from kubehop.cli.options import (
    cluster_name,
    credentials,
    kubeconfig_file,
    namespace,
    output_format,
)

if TYPE_CHECKING:
    from pathlib import Path

    from kubehop.kubernetes.client import ApiClient

_HTTP_TIMEOUT_MARGIN_S = 10


@click.command("trace")
@click.argument("pod")
@click.argument("url")
@cluster_name
@kubeconfig_file
@namespace
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(0.1, 120),
    default=10,
    show_default=True,
    metavar="SECONDS",
)
@click.option("--all", "every", is_flag=True, help="Show every packet, not each way once.")
@output_format
def command(
    pod: str,
    url: str,
    name: str,
    kubeconfig: Path | None,
    namespace: str,
    timeout_s: float,
    every: bool,
    output: str,
) -> None:
    """Send a GET for URL from POD and show the hops of its packets.

    POD is a pod's name, pod/NAME or deploy/NAME. The hops come from the code that forwards the
    packets. Exit code 0 when the request succeeded.
    """
    from kubehop.kubernetes.client import ApiClient
    from kubehop.kubernetes.paths import trace_path
    from kubehop.kubernetes.pods import find_pod

    client = ApiClient(credentials(name, kubeconfig), timeout_s + _HTTP_TIMEOUT_MARGIN_S)
    found = find_pod(client, namespace, pod)
    body = {"url": _with_scheme(url), "timeoutSeconds": timeout_s}
    lines = list(client.stream(trace_path(namespace, found), body))
    if output == "json":
        for line in lines:
            click.echo(json.dumps(line))
    else:
        show(client, lines, every=every)
    if any(line["type"] == "result" and line["exitCode"] != 0 for line in lines):
        raise click.exceptions.Exit(1)


def show(client: ApiClient, lines: list[dict[str, Any]], *, every: bool = False) -> None:
    """Prints the hops of a trace's packets and how the request ended."""
    from kubehop.kubernetes.pods import load_names
    from kubehop.tracing.journey import Sight, journeys
    from kubehop.tracing.render import render

    names = load_names(client)
    sights = [Sight.of(line) for line in lines if line["type"] == "packet"]
    for text in render(journeys(sights), names, every=every):
        click.echo(text)
    for line in lines:
        if line["type"] == "warning":
            click.echo(f"Warning: node {line['node']}: {line['message']}", err=True)
        elif line["type"] == "result":
            click.echo(_outcome(line))


def _outcome(result: dict[str, Any]) -> str:
    if result["exitCode"] != 0:
        return f"The request failed: {result['stderr'].strip() or result['stdout'].strip()}"
    try:
        fetched = json.loads(result["stdout"])
    except ValueError:
        return f"The request succeeded: {result['stdout'].strip()}"
    return (
        f"HTTP {fetched['status']} from {fetched['peer']} after {fetched['totalMs']:.1f} ms "
        f"(DNS {fetched['dnsMs']:.1f} ms, connection {fetched['connectMs']:.1f} ms)"
    )


def _with_scheme(url: str) -> str:
    return url if "://" in url else f"http://{url}"
