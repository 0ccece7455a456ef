"""`kubehop logs`: what the cluster's own programs say."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from kubehop.cli.options import cluster_name
from kubehop.local.cluster import running
from netcore.model.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

_POLL_S = 0.2


@click.command("logs")
@click.argument("program")
@cluster_name
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written from now on.")
def command(program: str, name: str, follow: bool) -> None:
    """Print the log of PROGRAM: controlplane, coredns, cloudlb, supervisor or a node's name."""
    paths = running(name)
    known = sorted(log.stem for log in paths.logs.glob("*.log"))
    if program not in known:
        raise ConfigError(f'"{program}" has no log; these have: {", ".join(known)}')
    _copy(paths.log(program), follow)


def _copy(path: Path, follow: bool) -> None:
    while True:
        with path.open("rb") as file:
            while True:
                if data := file.read(1 << 16):
                    click.echo(data, nl=False)
                    continue
                if not follow:
                    return
                time.sleep(_POLL_S)
                if not path.exists() or path.stat().st_ino != _inode(file.fileno()):
                    break  # rotated: go on with the new file
        if not path.exists():
            return


def _inode(descriptor: int) -> int:
    import os

    return os.fstat(descriptor).st_ino
