"""`kubehop policy`: what network policies allow, and why."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from kubehop.cli.options import (
    cluster_name,
    credentials,
    kubeconfig_file,
    namespace,
    output_format,
)
from kubehop.cli.tables import show_table
from netcore.model.errors import ConfigError, KubehopError

if TYPE_CHECKING:
    from pathlib import Path

    from kubehop.policy.world import World


@click.group("policy")
def command() -> None:
    """Explain and compare network policies."""


@command.command("explain")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO[:PORT[/PROTO]]")
@cluster_name
@kubeconfig_file
@namespace
@output_format
def explain(
    source: str,
    target: str,
    name: str,
    kubeconfig: Path | None,
    namespace: str,
    output: str,
) -> None:
    """Predict the verdict in each direction and name the rule that gives it.

    FROM and TO are NAME, NAMESPACE/NAME, pod/NAME or an address, TO also svc/NAME:PORT. Without
    a port it is ICMP. For every rule that does not match the reason is told.

    \b
    Exit code: 0  allowed   1  denied   2  nothing could be predicted
    """
    from kubehop.policy.places import find_source, find_targets
    from kubehop.policy.prediction import predict
    from kubehop.policy.render import render, to_json

    world = _world(name, kubeconfig)
    start = find_source(world, source, namespace)
    predictions = [predict(world, start, each) for each in find_targets(world, target, namespace)]
    if output == "json":
        click.echo(json.dumps([to_json(each) for each in predictions], indent=2))
    else:
        for each in predictions:
            for line in render(each):
                click.echo(line)
    if not all(each.allowed for each in predictions):
        raise click.exceptions.Exit(1)


@command.command("matrix")
@cluster_name
@kubeconfig_file
@click.option("-n", "--namespace", metavar="NAMESPACE", help="Only the pods of this namespace.")
@click.option("--port", default="", metavar="PORT[/PROTO]", help="Of the pods; without one: ICMP.")
@output_format
def matrix(
    name: str, kubeconfig: Path | None, namespace: str | None, port: str, output: str
) -> None:
    """Print who may reach whom: a row for each pod that asks, a column for each that is asked."""
    from kubehop.policy.matrix import reach

    world = _world(name, kubeconfig)
    names, rows = reach(world, namespace, port)
    if output == "json":
        pairs = {
            source: [target for target, may in zip(names, row, strict=True) if may]
            for source, row in zip(names, rows, strict=True)
        }
        click.echo(json.dumps(pairs, indent=2))
        return
    marks = {True: "yes", False: "-", None: "."}
    show_table(
        ("FROM \\ TO", *names),
        [(source, *(marks[may] for may in row)) for source, row in zip(names, rows, strict=True)],
    )


def _world(name: str, kubeconfig: Path | None) -> World:
    from kubehop.kubernetes.client import ApiClient
    from kubehop.policy.world import read_world

    try:
        return read_world(ApiClient(credentials(name, kubeconfig)))
    except KubehopError as error:  # exit code 1 means that a verdict is other than wished
        raise ConfigError(str(error)) from error
