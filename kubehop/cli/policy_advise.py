"""`kubehop policy advise`: policies for what was seen."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from kubehop.cli.options import cluster_name, kubeconfig_file
from kubehop.cli.policy_inputs import api_client
from netcore.model.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


@click.command("advise")
@click.option(
    "-n",
    "--namespace",
    "namespaces",
    multiple=True,
    metavar="NAMESPACE",
    help="For its pods; may be given several times.  [default: all but kube-system]",
)
@click.option("--since", metavar="WHEN", help="Flows from then on: 3m (ago), or a time (RFC 3339).")
@cluster_name
@kubeconfig_file
def command(
    namespaces: tuple[str, ...], since: str | None, name: str, kubeconfig: Path | None
) -> None:
    """Write minimal NetworkPolicies that allow the connections which the nodes have recorded.

    `kubectl apply -f -` takes them. They are verified: all recorded connections of the pods are
    judged by them, and what none of these needs is left away. What was not seen, they deny: watch
    the pods at work for long enough first, and try the policies with `kubehop policy stage`.

    \b
    Exit code: 0  policies were written   2  there is nothing to advise from
    """
    import yaml

    from kubehop.observing.moments import moment_ns
    from kubehop.observing.reading import FLOWS_PATH
    from kubehop.policy.advice import advise
    from kubehop.policy.connections import connections
    from kubehop.policy.world import read_world

    client = api_client(name, kubeconfig)
    parameters = {}
    if since:
        parameters["sinceUnixNs"] = str(moment_ns(since, time.time_ns()))
    lines = client.lines(FLOWS_PATH, parameters)
    advice = advise(read_world(client), connections(lines), frozenset(namespaces))
    for pod in advice.unlabelled:
        click.echo(f"{pod} has no labels to select it by: no policy is about it", err=True)
    if not advice.policies:
        where = f" of {', '.join(namespaces)}" if namespaces else ""
        raise ConfigError(
            f"no connections of pods{where} were recorded: let them work, then ask again"
        )
    left_out = f"; {advice.left_out} with pods that are gone left out" if advice.left_out else ""
    click.echo(
        f"{len(advice.policies)} policies; all {advice.replayed} recorded connections replayed and "
        f"allowed{left_out}",
        err=True,
    )
    click.echo(yaml.safe_dump_all(advice.policies, sort_keys=False, explicit_start=True), nl=False)
