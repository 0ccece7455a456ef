"""`kubehop outside`: be a client from outside of the cluster's nodes."""

from __future__ import annotations

import os

import click

from kubehop.cli.options import cluster_name
from kubehop.local.cluster import running
from kubehop.local.outside import go_outside
from netcore.model.errors import ConfigError


@click.command("outside", context_settings={"allow_interspersed_args": False})
@cluster_name
@click.argument("program", metavar="COMMAND")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[ARGUMENT]...")
def command(name: str, program: str, arguments: tuple[str, ...]) -> None:
    """Run COMMAND as a client from outside: it reaches node ports and load balancers.

    \b
    kubehop outside -- curl http://172.18.0.11:30080
    """
    go_outside(running(name))
    try:
        os.execvp(program, (program, *arguments))
    except OSError as error:
        raise ConfigError(f"cannot run {program}: {error.strerror}") from error
