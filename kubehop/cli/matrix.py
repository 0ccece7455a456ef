"""`kubehop matrix`: whether a command does the same under several proxy modes."""

from __future__ import annotations

import json
import re
import shutil
import signal
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kubehop.cli.cluster_options import balancing, cluster_shape, cluster_spec, policies
from kubehop.cli.options import output_format
from kubehop.cli.progress import Steps
from kubehop.cli.tables import show_table
from netcore.model.errors import ConfigError
from netcore.service.modes.registry import PROXY_MODES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kubehop.matrix.bringup import Plan
    from kubehop.matrix.comparison import Comparison
    from kubehop.matrix.trial import Trial

DEFAULT_MODES = "iptables,ipvs,nftables,ebpf"
_CLUSTER = "matrix"
_READY_TIMEOUT_S = 60.0


@click.command("matrix", context_settings={"allow_interspersed_args": False})
@click.option(
    "-f",
    "--filename",
    "filenames",
    type=click.Path(path_type=Path),
    multiple=True,
    required=True,
    metavar="PATH",
    help="A manifest, or a folder of .yaml, .yml and .json files; repeatable.",
)
@click.option(
    "--proxy-mode",
    "modes",
    default=DEFAULT_MODES,
    show_default=True,
    metavar="MODE[,MODE...]",
    help="The others are compared with the first.",
)
@balancing
@policies
@cluster_shape
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=0),
    default=_READY_TIMEOUT_S,
    show_default=True,
    metavar="SECONDS",
    help="How long pods, endpoints and nodes may take to be ready, in each mode.",
)
@click.option("--only-exit-code", is_flag=True, help="Do not compare the output.")
@click.option("--ignore-order", is_flag=True, help="Compare the output's lines sorted.")
@click.option(
    "--mask",
    "masks",
    multiple=True,
    metavar="REGEX",
    help="Take what matches in the output for the same; repeatable.",
)
@click.option("--allow-failure", is_flag=True, help="COMMAND may fail, if it fails alike.")
@output_format
@click.argument("command_line", nargs=-1, required=True, metavar="-- COMMAND...")
def command(
    filenames: tuple[Path, ...],
    modes: str,
    ipvs_scheduler: str,
    lb_algorithm: str,
    cni: str,
    choices: tuple[str, ...],
    nodes: int | None,
    config: Path | None,
    timeout_s: float,
    only_exit_code: bool,
    ignore_order: bool,
    masks: tuple[str, ...],
    allow_failure: bool,
    output: str,
    command_line: tuple[str, ...],
) -> None:
    """Run COMMAND on the same manifests under each proxy mode and show what differs.

    One mode after the other gets a cluster of its own, with nodes of the same names. The
    manifests are applied, and when all pods are Ready and every node knows the Services, COMMAND
    runs on this machine: without a shell, with nothing to read, with KUBECONFIG,
    KUBEHOP_PROXY_MODE and KUBEHOP_CLUSTER (for the other commands' --name) in its environment.

    Modes agree when COMMAND's exit code and the lines of its standard output are the same;
    standard error and times are not compared. Names of a Deployment's pods, ages and addresses
    differ from run to run: have COMMAND leave them out, or --mask them.

    \b
    Exit code: 0  COMMAND succeeded under every mode and did the same
               1  it did not, or something else failed
               2  wrong usage; nothing was started
    """
    from kubehop.kubernetes.manifests import load_manifests
    from kubehop.matrix.bringup import Plan, check_nodes
    from kubehop.matrix.comparison import Rules, compare

    chosen = parse_modes(modes)
    rules = Rules(only_exit_code, ignore_order, tuple(map(_pattern, masks)))
    _check_program(command_line[0])
    manifests = load_manifests(filenames)
    spec = replace(
        cluster_spec(None, nodes, config, _CLUSTER),
        ipvs_scheduler=ipvs_scheduler,
        lb_algorithm=lb_algorithm,
        cni=cni,
        policy=choices,
    )
    check_nodes(spec)
    with _ended_by_sigterm():
        trials = _try_all(chosen, Plan(spec, manifests, command_line, timeout_s))
    comparison = compare(trials, rules)
    _show(comparison, command_line, output)
    if not (comparison.agree and (comparison.succeeded or allow_failure)):
        raise click.exceptions.Exit(1)


def parse_modes(text: str) -> tuple[str, ...]:
    """The modes of a list with commas. Raises ConfigError for an unknown, a double or no mode."""
    modes = tuple(part.strip() for part in text.split(","))
    for mode in modes:
        if mode not in PROXY_MODES:
            raise ConfigError(f'--proxy-mode: "{mode}": there is {", ".join(PROXY_MODES)}')
        if modes.count(mode) > 1:
            raise ConfigError(f"--proxy-mode: {mode} is there twice: name each mode once")
    return modes


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise ConfigError(f"--mask: {text!r} is not a regular expression: {error}") from None


def _check_program(name: str) -> None:
    if shutil.which(name) is None:
        raise ConfigError(f"cannot run {name}: there is no such program")


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """SIGTERM ends the body as Ctrl-C does, so that all is taken down."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _try_all(modes: Sequence[str], plan: Plan) -> list[Trial]:
    from kubehop.matrix.bringup import run_under

    trials = []
    for mode in modes:
        click.echo(f"Proxy mode {mode} ...", err=True)
        with Steps() as steps:
            trials.append(run_under(mode, plan, steps.begin))
    return trials


def _show(comparison: Comparison, command_line: Sequence[str], output: str) -> None:
    from kubehop.matrix.report import COLUMNS, as_json, details, rows

    if output == "json":
        click.echo(json.dumps(as_json(comparison, command_line), indent=2))
        return
    show_table(COLUMNS, rows(comparison))
    for line in details(comparison):
        click.echo(line)
