"""One packet from FROM to TO: found, sent or watched for, shown."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from kubehop.ends import parse_source, parse_target
from kubehop.kubernetes.client import ApiClient
from kubehop.kubernetes.packet_traces import send_packet, target_label
from kubehop.kubernetes.pods import load_names
from kubehop.kubernetes.trace_ends import find_destination, find_source
from kubehop.kubernetes.trace_requests import watch_live
from kubehop.local.outside import outside_command
from kubehop.tracing.live import LiveFilter
from kubehop.tracing.mermaid import mermaid
from kubehop.tracing.outcome import outcome
from kubehop.tracing.packet_text import packet_text
from kubehop.tracing.packet_trace import PacketTrace
from kubehop.tracing.picture import picture
from kubehop.tracing.svg import svg
from kubehop.tracing.traceflow import traceflow
from netcore.model.errors import ConfigError

if TYPE_CHECKING:
    from kubehop.kubernetes.credentials import Credentials
    from kubehop.kubernetes.trace_ends import Destination, Source
    from kubehop.tracing.names import Names
    from kubehop.tracing.outcome import Outcome

_HTTP_TIMEOUT_MARGIN_S = 10
_PICTURES = {"svg": svg, "mermaid": mermaid}


@dataclass(frozen=True, slots=True)
class PacketOptions:
    """What the command line says besides FROM and TO. `cluster` is None for a foreign one."""

    cluster: str | None
    namespace: str
    protocol: str
    timeout_s: float
    live: bool
    dropped_only: bool
    every: bool
    output: str


def trace_packet(
    credentials: Credentials, source: str, target: str, options: PacketOptions
) -> None:
    """Prints the trace. Raises KubehopError, and Exit with the outcome's code."""
    if options.dropped_only and not options.live:
        raise ConfigError("--dropped-only goes with --live: what is sent is shown in any case")
    place = parse_source(source, options.namespace)
    wanted = parse_target(target, options.namespace, options.protocol)
    if place.kind == "outside" and options.cluster is None:
        raise ConfigError(
            "outside: only a cluster that `kubehop up` started here has such a network; "
            "with --kubeconfig send from a pod or a node"
        )
    client = ApiClient(credentials, options.timeout_s + _HTTP_TIMEOUT_MARGIN_S)
    sender = find_source(client, place)
    to = find_destination(client, wanted, sender)
    names = load_names(client)
    if options.live:
        trace = _watch(client, sender, to, names, options)
    else:
        trace = _send(client, sender, to, options)
    ended = outcome(trace, names)
    _show(trace, ended, names, options)
    if ended.exit_code:
        raise click.exceptions.Exit(ended.exit_code)


def _send(
    client: ApiClient, sender: Source, to: Destination, options: PacketOptions
) -> PacketTrace:
    outside = outside_command(options.cluster or "")
    return send_packet(client, sender, to, options.timeout_s, outside)


def _watch(
    client: ApiClient, sender: Source, to: Destination, names: Names, options: PacketOptions
) -> PacketTrace:
    destinations = frozenset((to.host, *to.watch))
    wanted = LiveFilter(
        frozenset(sender.addresses),
        destinations,
        to.port,
        to.protocol if to.port or options.protocol else "",
        options.dropped_only,
        frozenset(names.owners),
    )
    addresses = (*sender.addresses, *to.watch)
    if not addresses:
        raise ConfigError(f"{to.label}: with --live give an address or what has one")
    lines = watch_live(
        client, addresses, options.timeout_s, lambda line: wanted.flow_of(line) is not None
    )
    return _of_live(lines, wanted, sender, to, options)


def _of_live(
    lines: list[dict[str, Any]],
    wanted: LiveFilter,
    sender: Source,
    to: Destination,
    options: PacketOptions,
) -> PacketTrace:
    packets = sorted((x for x in lines if x["type"] == "packet"), key=lambda line: line["time"])
    flow = next(filter(None, map(wanted.flow_of, packets)), None)
    others = [line for line in lines if line["type"] != "packet"]
    sending = [] if flow is None else [{"type": "sending", **flow}]
    trace = PacketTrace.of(
        [*others, *sending, *packets], str(sender), target_label(to), to.protocol
    )
    what = "stopped packet" if options.dropped_only else "packet"
    missing = f"no {what} from {sender} to {to.label} was seen within {options.timeout_s:g} s"
    return replace(trace, live=True, failure=missing if flow is None else "")


def _show(trace: PacketTrace, ended: Outcome, names: Names, options: PacketOptions) -> None:
    if options.output == "json":
        click.echo(json.dumps(traceflow(trace, ended, names), indent=2))
        return
    if options.output in _PICTURES:
        click.echo(_PICTURES[options.output](picture(trace, ended, names)), nl=False)
        return
    for line in packet_text(trace, ended, names, every=options.every):
        click.echo(line)
