"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kubehop.local.cluster import running, running_clusters
from kubehop.local.paths import DEFAULT_CLUSTER

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubehop.kubernetes.credentials import Credentials


def cluster_name(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--name`: the cluster that the command is about; the only one that runs need not be named."""
    return click.option(
        "--name",
        callback=lambda _context, _option, value: value or _obvious_cluster(),
        metavar="N",
        help=f"The cluster.  [default: the one that runs, or {DEFAULT_CLUSTER}]",
    )(function)


def _obvious_cluster() -> str:
    running_ones = running_clusters()
    return running_ones[0] if len(running_ones) == 1 else DEFAULT_CLUSTER


def kubeconfig_file(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--kubeconfig`: reach the API server with this file, wherever its cluster runs."""
    return click.option(
        "--kubeconfig",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="The cluster of this file's current context, e.g. one that runs with Docker.",
    )(function)


def credentials(name: str, kubeconfig: Path | None) -> Credentials:
    """How to reach the cluster that the options chose. Raises NoSuchCluster or ConfigError."""
    from kubehop.kubernetes.credentials import load_credentials

    return load_credentials(kubeconfig or running(name).kubeconfig)


def output_format(function: Callable[..., Any]) -> Callable[..., Any]:
    """`-o json`: for programs instead of people."""
    return click.option(
        "-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True
    )(function)


def namespace(function: Callable[..., Any]) -> Callable[..., Any]:
    """`-n`, as kubectl has it."""
    return click.option(
        "-n", "--namespace", default="default", show_default=True, metavar="NAMESPACE"
    )(function)
