"""`kubehop policy check`: expectations against predictions and real packets."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kubehop.cli.options import (
    cluster_name,
    credentials,
    kubeconfig_file,
    namespace,
    output_format,
)
from netcore.model.errors import ConfigError, KubehopError

if TYPE_CHECKING:
    from kubehop.kubernetes.client import ApiClient
    from kubehop.policy.checking import Result

_DIFFERS, _NOT_RUN = 1, 2
_READY_TIMEOUT_S = 120.0


@click.command("check")
@click.option(
    "-f",
    "--filename",
    "filenames",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Expectations; may be given several times.",
)
@click.option(
    "--apply",
    "manifests",
    multiple=True,
    type=click.Path(path_type=Path, exists=True),
    metavar="PATH",
    help="Apply a file or a folder first, and wait until its pods are Ready; repeatable.",
)
@click.option(
    "--junit",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the results as JUnit XML, too.",
)
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(0.1, 120),
    default=5,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the answer to a packet. A drop is known at once.",
)
@cluster_name
@kubeconfig_file
@namespace
@output_format
def command(
    filenames: tuple[Path, ...],
    manifests: tuple[Path, ...],
    junit: Path | None,
    timeout_s: float,
    name: str,
    kubeconfig: Path | None,
    namespace: str,
    output: str,
) -> None:
    """Check that connections are allowed and denied as expected.

    For each expectation the verdict is predicted from the cluster's policies, and one real packet
    is sent. It holds when expectation, prediction and packet are all three equal, by the same
    policies.

    \b
    Exit code: 0  all as expected   1  a verdict differs   2  something could not be checked
    """
    from kubehop.policy.check_reports import text_lines, to_json

    began = time.monotonic()
    try:
        results = _checked(filenames, manifests, timeout_s, (name, kubeconfig), namespace)
    except KubehopError as error:  # exit code 1 means that a verdict is other than expected
        raise ConfigError(str(error)) from error
    if junit is not None:
        _write_junit(junit, results, time.monotonic() - began)
    if output == "json":
        click.echo(json.dumps(to_json(results), indent=2))
    else:
        for line in text_lines(results):
            click.echo(line)
    if any(each.failure for each in results):
        raise click.exceptions.Exit(_NOT_RUN)
    if any(each.problems for each in results):
        raise click.exceptions.Exit(_DIFFERS)


def _checked(
    filenames: tuple[Path, ...],
    manifests: tuple[Path, ...],
    timeout_s: float,
    cluster: tuple[str, Path | None],
    namespace: str,
) -> list[Result]:
    from kubehop.kubernetes.client import ApiClient
    from kubehop.policy.expectations import load_expectations
    from kubehop.policy.probing import prepare, run
    from kubehop.policy.world import read_world

    expectations = load_expectations(filenames, namespace)
    reached = credentials(*cluster)
    with ApiClient(reached) as client:
        if manifests:
            _apply(client, manifests, namespace)
        probes = prepare(client, read_world(client), expectations)
    return list(run(reached, probes, timeout_s))


def _apply(client: ApiClient, paths: tuple[Path, ...], namespace: str) -> None:
    from kubehop.kubernetes.applying import apply_manifests
    from kubehop.kubernetes.manifests import load_manifests
    from kubehop.kubernetes.rollout import await_rollout

    applied = apply_manifests(client, load_manifests(paths), namespace)
    await_rollout(client, applied, _READY_TIMEOUT_S)


def _write_junit(file: Path, results: list[Result], seconds: float) -> None:
    from kubehop.policy.check_reports import junit

    try:
        file.write_bytes(junit(results, seconds))
    except OSError as error:
        raise ConfigError(f"cannot write {file}: {error.strerror}") from error
