"""`kubehop trace POD URL`: every hop of one real HTTP request."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from kubehop.kubernetes.client import ApiClient
from kubehop.kubernetes.paths import trace_path
from kubehop.kubernetes.pods import find_pod, load_names
from kubehop.tracing.journey import Sight, journeys
from kubehop.tracing.render import render
from netcore.model.errors import ConfigError

if TYPE_CHECKING:
    from kubehop.kubernetes.credentials import Credentials

_HTTP_TIMEOUT_MARGIN_S = 10


def trace_request(
    credentials: Credentials,
    namespace: str,
    pod: str,
    url: str,
    timeout_s: float,
    output: str,
    *,
    every: bool,
) -> None:
    """Has `pod` fetch `url` and prints the hops. Exit code 1 when the request failed."""
    if not url.startswith("http://"):
        scheme = url.partition("://")[0]
        raise ConfigError(
            f"{url}: a request is traced by http:// only, not {scheme}://; "
            "give HOST:443 to trace the TCP SYN"
        )
    if output not in ("text", "json"):
        raise ConfigError(f"-o {output} shows one packet: give HOST:PORT instead of a URL")
    client = ApiClient(credentials, timeout_s + _HTTP_TIMEOUT_MARGIN_S)
    found = find_pod(client, namespace, pod)
    body = {"url": url, "timeoutSeconds": timeout_s}
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
