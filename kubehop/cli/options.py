"""Options that several commands have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from kubehop.local.paths import DEFAULT_CLUSTER

if TYPE_CHECKING:
    from collections.abc import Callable


def cluster_name(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--name`: the cluster that the command is about."""
    return click.option(
        "--name", default=DEFAULT_CLUSTER, show_default=True, metavar="N", help="The cluster."
    )(function)


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
