"""`kubehop up`: a cluster from nothing."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import click

from kubehop.cli.progress import Steps
from kubehop.local.cluster import DEFAULT_WAIT_S, Wishes, create
from kubehop.local.paths import DEFAULT_CLUSTER
from kubehop.local.spec import ClusterSpec, workers
from netcore.model.config import DEFAULT_PROXY_MODE
from netcore.model.errors import ConfigError
from netcore.service.modes.registry import LB_ALGORITHMS, PROXY_MODES
from netcore.service.schedulers import SCHEDULERS

_DEFAULT_NODES = 3


@click.command("up")
@click.option("--name", metavar="N", help=f"The cluster's name.  [default: {DEFAULT_CLUSTER}]")
@click.option("--nodes", type=int, metavar="K", help=f"Worker nodes.  [default: {_DEFAULT_NODES}]")
@click.option(
    "--config",
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE",
    help="A kind Cluster file (v1alpha4); - reads standard input.",
)
@click.option(
    "--proxy-mode",
    type=click.Choice(PROXY_MODES),
    help=f"How nodes translate Services.  [default: the file's, or {DEFAULT_PROXY_MODE}]",
)
@click.option(
    "--ipvs-scheduler",
    type=click.Choice(tuple(SCHEDULERS)),
    default="rr",
    show_default=True,
    help="Of proxy mode ipvs.",
)
@click.option(
    "--lb-algorithm",
    type=click.Choice(LB_ALGORITHMS),
    default="random",
    show_default=True,
    help="Of proxy mode ebpf.",
)
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
    kubeconfig: Path | None,
    wait_s: float,
) -> None:
    """Start a cluster on this machine and add its context to the kubeconfig."""
    from kubehop.local.kubeconfig import context_name, default_path

    began = time.monotonic()
    spec = replace(
        _spec(name, nodes, config), ipvs_scheduler=ipvs_scheduler, lb_algorithm=lb_algorithm
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


def _spec(name: str | None, nodes: int | None, config: Path | None) -> ClusterSpec:
    if config is None:
        chosen = name or DEFAULT_CLUSTER
        return ClusterSpec(chosen, workers(chosen, _DEFAULT_NODES if nodes is None else nodes))
    if nodes is not None:
        raise ConfigError("--nodes and --config exclude each other: the file lists the nodes")
    from kubehop.local.kindconfig import parse_kind_config

    try:
        with click.open_file(str(config), encoding="utf-8") as file:
            text = file.read()
    except OSError as error:
        raise ConfigError(f"cannot read {config}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"cannot read {config}: {error}") from error
    parsed = parse_kind_config(text, str(config), DEFAULT_CLUSTER, name)
    for warning in parsed.warnings:
        click.echo(f"Warning: {warning}", err=True)
    return parsed.spec
