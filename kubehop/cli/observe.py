"""`kubehop observe`: the flows of the cluster, as `hubble observe` shows them."""

from __future__ import annotations

import sys
import time
from typing import IO, TYPE_CHECKING, Any

import click

from kubehop.cli.observe_options import NEGATED, ObserveCommand, filter_options
from kubehop.cli.options import cluster_name, credentials, kubeconfig_file
from netcore.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kubehop.observing.filters import Filters
    from kubehop.observing.printers import Printer
    from kubehop.observing.reading import Selection

_DEFAULT_LAST = 20


@click.command("observe", cls=ObserveCommand)
@cluster_name
@kubeconfig_file
@click.option("-f", "--follow", is_flag=True, help="Go on with flows as they come.")
@click.option("--last", type=click.IntRange(1), metavar="N", help="The last N flows.  [20]")
@click.option("--first", type=click.IntRange(1), metavar="N", help="The first N flows.")
@click.option("--all", "every", is_flag=True, help="All flows that are kept.")
@click.option("--since", metavar="WHEN", help="From then on: 3m (ago), or a time (RFC 3339).")
@click.option("--until", metavar="WHEN", help="Up to then.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["compact", "dict", "json", "jsonpb", "table"]),
    default="compact",
    show_default=True,
)
@click.option("--print-node-name", is_flag=True, help="Show who saw the packet.")
@click.option(
    "--print-policy-names",
    type=bool,
    is_flag=False,
    flag_value=True,
    default=True,
    metavar="BOOL",
    help="Show which policies decided.  [true]",
)
@click.option(
    "--ip-translation",
    type=bool,
    is_flag=False,
    flag_value=True,
    default=True,
    metavar="BOOL",
    help="Show names instead of addresses.  [true]",
)
@click.option(
    "--l7", "payloads", is_flag=True, help="DNS and HTTP/1.x, too, from now on; slows packets."
)
@click.option(
    "--input-file",
    type=click.File("r", errors="replace"),
    metavar="FILE",
    help="Flows that -o json wrote, instead of the cluster's; - is the standard input.",
)
@filter_options
def command(
    name: str,
    kubeconfig: Path | None,
    follow: bool,
    last: int | None,
    first: int | None,
    every: bool,
    since: str | None,
    until: str | None,
    output: str,
    print_node_name: bool,
    print_policy_names: bool,
    ip_translation: bool,
    payloads: bool,
    input_file: IO[str] | None,
    **chosen: Any,
) -> None:
    """Show the flows of the cluster's packets: new connections, answers, drops, closes.

    The same filter given several times means any of its values, different filters mean all of
    them. --not before a filter turns it around.
    """
    from kubehop.observing.moments import moment_ns
    from kubehop.observing.printers import PRINTERS, Style
    from kubehop.observing.reading import Selection

    if follow and output == "table":
        raise ConfigError("-o table needs to know every row: use -o compact with --follow")
    if sum(map(bool, (last, first, every))) > 1:
        raise ConfigError("choose one of --last, --first and --all")
    filters = _filters(chosen)
    now = time.time_ns()
    since_ns = moment_ns(since, now) if since else 0
    until_ns = moment_ns(until, now) if until else 0
    bounded = bool(first or every or since_ns or until_ns or follow or input_file)
    selection = Selection(
        last=last or (0 if bounded else _DEFAULT_LAST),
        first=first or 0,
        since_ns=since_ns,
        until_ns=until_ns,
        follow=follow and input_file is None,
        payloads=payloads or _needs_payloads(chosen),
    )
    printer = PRINTERS[output](Style(print_node_name, print_policy_names, ip_translation))
    as_json = output.startswith("json")
    if input_file is not None:
        _show(_from_file(input_file, filters, selection), printer, as_json=as_json)
    else:
        lines = _from_cluster(name, kubeconfig, filters, selection)
        _show(lines, printer, as_json=as_json)


def _filters(chosen: dict[str, Any]) -> Filters:
    from kubehop.observing.filters import Filters

    namespaces = [value for value in chosen["namespace"] if not value.startswith(NEGATED)]
    anywhere = chosen.pop("all_namespaces")
    versions = [("IPv4", chosen.pop("ipv4")), ("IPv6", chosen.pop("ipv6"))]
    filters = Filters("" if anywhere else namespaces[0] if len(namespaces) == 1 else "default")
    for version, wanted in versions:
        if wanted:
            filters.add("ip-version", version)
    for option, values in chosen.items():
        for value in values:
            negated = value.startswith(NEGATED)
            filters.add(option.replace("_", "-"), value.removeprefix(NEGATED), negated=negated)
    return filters


def _needs_payloads(chosen: dict[str, Any]) -> bool:
    """Whether a filter asks for what only payloads tell."""
    about_http = any(values for option, values in chosen.items() if option.startswith("http_"))
    kinds = any(value.lower().startswith("l7") for value in chosen["type"])
    return about_http or kinds or any(v.lower() in ("http", "dns") for v in chosen["protocol"])


def _from_cluster(
    name: str, kubeconfig: Path | None, filters: Filters, selection: Selection
) -> Iterator[dict[str, Any]]:
    from kubehop.kubernetes.client import ApiClient
    from kubehop.observing.reading import FLOWS_PATH, select

    client = ApiClient(credentials(name, kubeconfig))
    parameters = selection.parameters(filtered=bool(filters))
    yield from select(client.lines(FLOWS_PATH, parameters), filters, selection)


def _from_file(file: IO[str], filters: Filters, selection: Selection) -> Iterator[dict[str, Any]]:
    from kubehop.observing.moments import rfc3339_nano
    from kubehop.observing.reading import parse_lines, select, within

    bounds = (
        rfc3339_nano(bound) if bound else "" for bound in (selection.since_ns, selection.until_ns)
    )
    return select(within(parse_lines(file, file.name), *bounds), filters, selection)


def _show(lines: Iterator[dict[str, Any]], printer: Printer, *, as_json: bool) -> None:
    from kubehop.observing import printers

    for line in lines:
        if "flow" in line:
            for shown in printer.flow(line):
                click.echo(shown)
        elif as_json:
            click.echo(printers.as_json(line), err="node_status" in line)
        elif "lost_events" in line:
            click.echo(printers.lost_events(line), err=True)
        elif "node_status" in line:
            click.echo(printers.node_status(line), err=True)
    for shown in printer.end():
        click.echo(shown)
    sys.stdout.flush()
