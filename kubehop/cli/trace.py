"""`kubehop trace FROM TO`: every hop of one real packet, or of one HTTP request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kubehop.cli.options import cluster_name, credentials, kubeconfig_file, namespace
from kubehop.cli.trace_packet import PacketOptions, trace_packet
from netcore.model.errors import KubehopError

if TYPE_CHECKING:
    from pathlib import Path

_NOT_RUN = 2


@click.command("trace")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@cluster_name
@kubeconfig_file
@namespace
@click.option(
    "--protocol",
    type=click.Choice(["tcp", "udp", "icmp"], case_sensitive=False),
    help="Instead of TO's /PROTOCOL.  [default: tcp with a port, else icmp]",
)
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(0.1, 120),
    default=10,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for an answer, or with --live for a packet.",
)
@click.option("--live", is_flag=True, help="Send nothing: watch the next flow from FROM to TO.")
@click.option("--dropped-only", is_flag=True, help="With --live: the next one that is stopped.")
@click.option("--all", "every", is_flag=True, help="Show every packet, not each way once.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json", "svg", "mermaid"]),
    default="text",
    show_default=True,
    help="For people, for programs, as a picture.",
)
def command(
    source: str,
    target: str,
    name: str,
    kubeconfig: Path | None,
    namespace: str,
    protocol: str | None,
    timeout_s: float,
    live: bool,
    dropped_only: bool,
    every: bool,
    output: str,
) -> None:
    """Send one packet from FROM to TO and show every hop of it and of its answer.

    FROM is a pod's name, pod/NAME, deploy/NAME, NAMESPACE/NAME, node/NAME or outside (a client
    outside of the nodes). TO is a pod, svc/NAME[:PORT], node/NAME:PORT, IP[:PORT] or a DNS
    name[:PORT], also as NAMESPACE/...; :PORT/udp for UDP, without a port an ICMP echo is sent.
    With a URL as TO an HTTP GET is made and all its packets are shown.

    The hops come from the code that forwards the packets. Exit code 0: delivered (a URL: the
    request succeeded), 1: dropped, refused or unanswered, 2: there was nothing to trace.
    """
    try:
        reached = credentials(name, kubeconfig)
        if "://" in target:
            from kubehop.cli.trace_http import trace_request

            trace_request(reached, namespace, source, target, timeout_s, output, every=every)
            return
        options = PacketOptions(
            cluster=None if kubeconfig else name,
            namespace=namespace,
            protocol=(protocol or "").upper(),
            timeout_s=timeout_s,
            live=live,
            dropped_only=dropped_only,
            every=every,
            output=output,
        )
        trace_packet(reached, source, target, options)
    except KubehopError as error:
        click.echo(f"kubehop: {error}", err=True)
        raise click.exceptions.Exit(_NOT_RUN) from error
