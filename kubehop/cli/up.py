"""`kubehop up`: a cluster from nothing."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import click

from kubehop.cli.cluster_options import balancing, cluster_shape, cluster_spec, policies
from kubehop.cli.progress import Steps
from kubehop.local.cluster import DEFAULT_WAIT_S, Wishes, create
from kubehop.local.paths import DEFAULT_CLUSTER
from netcore.model.config import DEFAULT_PROXY_MODE
from netcore.service.modes.registry import PROXY_MODES


@click.command("up")
@click.option("--name", metavar="N", help=f"The cluster's name.  [default: {DEFAULT_CLUSTER}]")
@cluster_shape
@click.option(
    "--proxy-mode",
    type=click.Choice(PROXY_MODES),
    help=f"How nodes translate Services.  [default: the file's, or {DEFAULT_PROXY_MODE}]",
)
@balancing
@policies
@click.option(
    "--kubeconfig",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Merge the context into this file.  [default: $KUBECONFIG or ~/.kube/config]",
)
@click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(min=0),
    default=DEFAULT_WAIT_S,
    show_default=True,
    metavar="SECONDS",
    help="Wait that long for all nodes to be Ready; 0: not at all.",
)
def command(
    name: str | None,
    nodes: int | None,
    config: Path | None,
    proxy_mode: str | None,
    ipvs_scheduler: str,
    lb_algorithm: str,
    cni: str,
    choices: tuple[str, ...],
    kubeconfig: Path | None,
    wait_s: float,
) -> None:
    """Start a cluster on this machine and add its context to the kubeconfig."""
    from kubehop.local.kubeconfig import context_name, default_path

    began = time.monotonic()
    spec = replace(
        cluster_spec(name, nodes, config),
        ipvs_scheduler=ipvs_scheduler,
        lb_algorithm=lb_algorithm,
        cni=cni,
        policy=choices,
    )
    if proxy_mode is not None:
        spec = replace(spec, proxy_mode=proxy_mode)
    click.echo(f'Creating cluster "{spec.name}" ...', err=True)
    target = default_path(kubeconfig)
    with Steps() as steps:
        create(spec, Wishes(target, wait_s), steps.begin)
    click.echo(f"The cluster is up after {time.monotonic() - began:.1f} s. Now try:", err=True)
    where = f" --kubeconfig {target}" if kubeconfig else ""
    click.echo(f"  kubectl{where} --context {context_name(spec.name)} get nodes", err=True)
    named = "" if spec.name == DEFAULT_CLUSTER else f" --name {spec.name}"
    address = spec.addresses(spec.node_address(0))[0]
    click.echo(f"  kubehop outside{named} -- ping -c 1 {address}", err=True)
