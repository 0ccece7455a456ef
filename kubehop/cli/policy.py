"""`kubehop policy`: what network policies allow, and why."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from kubehop.cli import policy_advise, policy_check, policy_stage
from kubehop.cli.options import (
    cluster_name,
    kubeconfig_file,
    namespace,
    output_format,
)
from kubehop.cli.policy_inputs import api_client, policies_of, world_of
from kubehop.cli.tables import show_table
from netcore.model.errors import ConfigError, KubehopError


class _Policy(click.Group):
    """Exit code 1 says that a verdict is other than wished: whatever could not be asked is 2."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KubehopError as error:
            raise ConfigError(str(error)) from error


@click.group("policy", cls=_Policy)
def command() -> None:
    """Explain, compare and test network policies."""


command.add_command(policy_check.command)
command.add_command(policy_stage.command)
command.add_command(policy_advise.command)


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

    FROM and TO are NAME, NAMESPACE/NAME, pod/NAME, deploy/NAME, node/NAME or an address, TO also
    svc/NAME:PORT or the DNS name of a Service. Without a port it is ICMP. For every rule that
    does not match the reason is told.

    \b
    Exit code: 0  allowed   1  denied   2  nothing could be predicted
    """
    from kubehop.policy.asking import explained
    from kubehop.policy.render import render, to_json

    predictions = explained(api_client(name, kubeconfig), source, target, namespace)
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

    world = world_of(name, kubeconfig)
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


@command.command("lint")
@click.option(
    "-f",
    "--filename",
    "filenames",
    multiple=True,
    type=click.Path(path_type=Path, exists=True),
    metavar="FILE",
    help="Look into the NetworkPolicies of these files or folders instead of the cluster's.",
)
@cluster_name
@kubeconfig_file
@output_format
def lint_command(
    filenames: tuple[Path, ...], name: str, kubeconfig: Path | None, output: str
) -> None:
    """Find the classic traps: valid policies that hardly do what was meant.

    The pods and Services that they are judged beside are the cluster's. Exit code 0: none found,
    1: some, 2: nothing could be judged.
    """
    from kubehop.policy.lint import lint
    from kubehop.policy.world import read_world

    with api_client(name, kubeconfig) as client:
        world = read_world(client)
        policies = policies_of(client, filenames) if filenames else list(world.network_policies)
    found = lint(world, [each for each in policies if each["kind"] == "NetworkPolicy"])
    if output == "json":
        click.echo(json.dumps([asdict(each) for each in found], indent=2))
    else:
        for each in found:
            click.echo(str(each))
    if found:
        raise click.exceptions.Exit(1)


@command.command("diff")
@click.argument("before", type=click.Path(path_type=Path, exists=True))
@click.argument("after", type=click.Path(path_type=Path, exists=True))
@cluster_name
@kubeconfig_file
@output_format
def diff(before: Path, after: Path, name: str, kubeconfig: Path | None, output: str) -> None:
    """Show what the policies of two files or folders allow differently.

    They are judged between the pods of the cluster, each set alone: the cluster's own policies of
    the kinds that are in the files do not count. Exit code 0: no difference,
    1: there is one, 2: nothing could be compared.
    """
    from kubehop.policy.diff import differences
    from kubehop.policy.world import read_world, with_policies_alone
    from netcore.model.policy import PolicyKind

    with api_client(name, kubeconfig) as client:
        world = read_world(client)
        sets = [policies_of(client, (each,)) for each in (before, after)]
    kinds = {PolicyKind.NETWORK} | {PolicyKind(each["kind"]) for one in sets for each in one}
    first, second = (with_policies_alone(world, each, kinds) for each in sets)
    found = list(differences(first, second))
    if output == "json":
        click.echo(json.dumps([asdict(each) for each in found], indent=2))
    else:
        for each in found:
            click.echo(str(each))
    if found:
        raise click.exceptions.Exit(1)
