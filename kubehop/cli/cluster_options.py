"""Options of the commands that start clusters, and the cluster that they describe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kubehop.local.paths import DEFAULT_CLUSTER
from kubehop.local.spec import ClusterSpec, workers
from netcore.model.errors import ConfigError
from netcore.model.policy_settings import PolicySettings
from netcore.policy.presets import DEFAULT_CNI, PRESETS, with_choices
from netcore.service.modes.registry import LB_ALGORITHMS
from netcore.service.schedulers import SCHEDULERS

if TYPE_CHECKING:
    from collections.abc import Callable

_DEFAULT_NODES = 3


def cluster_shape(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--nodes` or `--config`: see `cluster_spec`."""
    nodes = click.option(
        "--nodes", type=int, metavar="K", help=f"Worker nodes.  [default: {_DEFAULT_NODES}]"
    )
    config = click.option(
        "--config",
        type=click.Path(path_type=Path, allow_dash=True),
        metavar="FILE",
        help="A kind Cluster file (v1alpha4); - reads standard input.",
    )
    return nodes(config(function))


def balancing(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--ipvs-scheduler` and `--lb-algorithm`: how two of the proxy modes choose a backend."""
    scheduler = click.option(
        "--ipvs-scheduler",
        type=click.Choice(tuple(SCHEDULERS)),
        default="rr",
        show_default=True,
        help="Of proxy mode ipvs.",
    )
    algorithm = click.option(
        "--lb-algorithm",
        type=click.Choice(LB_ALGORITHMS),
        default="random",
        show_default=True,
        help="Of proxy mode ebpf.",
    )
    return scheduler(algorithm(function))


def policies(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--cni` and `--policy`: what the cluster does where the NetworkPolicy API leaves it open."""
    cni = click.option(
        "--cni",
        type=click.Choice(tuple(PRESETS)),
        default=DEFAULT_CNI,
        show_default=True,
        help="Policies as this network plugin has them; flannel has none.",
    )
    choices = click.option(
        "--policy",
        "choices",
        multiple=True,
        metavar="KEY=VALUE",
        callback=_policy_choices,
        help="Such as established=keep, deny=reject; repeatable.",
    )
    return cni(choices(function))


def _policy_choices(
    _context: click.Context, _option: click.Parameter, given: tuple[str, ...]
) -> tuple[str, ...]:
    try:
        with_choices(PolicySettings(), given)
    except ConfigError as error:
        raise ConfigError(f"--policy {error}") from None
    return given


def cluster_spec(
    name: str | None, nodes: int | None, config: Path | None, default_name: str = DEFAULT_CLUSTER
) -> ClusterSpec:
    """The cluster that the options ask for; `name` wins over the file's name.

    What kubehop does not do of the file is said on standard error. Raises ConfigError.
    """
    if config is None:
        chosen = name or default_name
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
    parsed = parse_kind_config(text, str(config), default_name, name)
    for warning in parsed.warnings:
        click.echo(f"Warning: {warning}", err=True)
    return parsed.spec
