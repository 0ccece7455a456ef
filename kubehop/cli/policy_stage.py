"""`kubehop policy stage`: what policies would drop, without enforcing them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kubehop.cli.options import cluster_name, kubeconfig_file, namespace, output_format
from kubehop.cli.policy_inputs import api_client, policies_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kubehop.kubernetes.client import ApiClient
    from kubehop.policy.connections import Connection
    from kubehop.policy.staging import Stage
    from kubehop.policy.world import World

_WOULD_DROP = 1
_READ_AGAIN_S = 1.0


@click.command("stage")
@click.option(
    "-f",
    "--filename",
    "filenames",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path, exists=True),
    metavar="FILE",
    help="Policies: files or folders; may be given several times.",
)
@click.option("--since", metavar="WHEN", help="Flows from then on: 3m (ago), or a time (RFC 3339).")
@click.option("--follow", is_flag=True, help="Go on with live flows until Ctrl-C.")
@cluster_name
@kubeconfig_file
@namespace
@output_format
def command(
    filenames: tuple[Path, ...],
    since: str | None,
    follow: bool,
    name: str,
    kubeconfig: Path | None,
    namespace: str,
    output: str,
) -> None:
    """Judge policies without enforcing them, and say what they would drop.

    The connections are those that the nodes have recorded, and with --follow those to come. They
    are judged as if the policies were applied: beside the cluster's own, in the place of those
    that have their names. Nothing is stored, nothing is dropped. What would be dropped is shown
    as a flow with the verdict AUDIT.

    \b
    Exit code: 0  nothing would be dropped   1  something would   2  nothing could be judged
    """
    from kubehop.policy.staging import Stage
    from kubehop.policy.world import read_world, with_policies

    client = api_client(name, kubeconfig)
    manifests = policies_of(client, filenames, namespace)
    if not manifests:
        raise click.UsageError(f"no policy is in {', '.join(map(str, filenames))}")

    def read() -> tuple[World, World]:
        world = read_world(client)
        return world, with_policies(world, manifests)

    stage = Stage.of(*read())
    found = _connections(client, since, follow=follow)
    try:
        _show(stage, found, read, as_json=output == "json")
    except KeyboardInterrupt:
        if not follow:
            raise
    if output == "json":
        click.echo(json.dumps({"summary": stage.to_json()}))
    else:
        for line in stage.summary():
            click.echo(line)
    if stage.dropped:
        raise click.exceptions.Exit(_WOULD_DROP)


def _connections(client: ApiClient, since: str | None, *, follow: bool) -> Iterator[Connection]:
    from kubehop.observing.moments import moment_ns
    from kubehop.observing.reading import FLOWS_PATH
    from kubehop.policy.connections import connections

    parameters = {"follow": "true"} if follow else {}
    if since:
        parameters["sinceUnixNs"] = str(moment_ns(since, time.time_ns()))
    yield from connections(client.lines(FLOWS_PATH, parameters))


def _show(
    stage: Stage,
    found: Iterator[Connection],
    read: Callable[[], tuple[World, World]],
    *,
    as_json: bool,
) -> None:
    from kubehop.observing.printers import PRINTERS, Style

    printer = PRINTERS["json" if as_json else "compact"](Style())
    read_at = time.monotonic()
    for connection in found:
        # Pods come and go while flows are followed.
        if not stage.before.knows(connection) and time.monotonic() - read_at > _READ_AGAIN_S:
            stage.renew(*read())
            read_at = time.monotonic()
        change = stage.look(connection)
        if change is None or change.denied_by is None:
            continue
        for line in printer.flow(change.audited()):
            click.echo(line)
