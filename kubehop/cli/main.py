"""`kubehop`: the group of commands, and how errors reach the user."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

import click

from netcore.model.errors import ConfigError, KubehopError

if TYPE_CHECKING:
    from collections.abc import Sequence

_COMMANDS = {
    "up": "kubehop.cli.up",
    "down": "kubehop.cli.down",
    "status": "kubehop.cli.status",
    "clusters": "kubehop.cli.clusters",
    "kubeconfig": "kubehop.cli.kubeconfig",
    "logs": "kubehop.cli.logs",
    "demo": "kubehop.cli.demo",
    "matrix": "kubehop.cli.matrix",
    "trace": "kubehop.cli.trace",
    "policy": "kubehop.cli.policy",
    "capture": "kubehop.cli.capture",
    "observe": "kubehop.cli.observe",
    "outside": "kubehop.cli.outside",
    "node": "kubehop.cli.node",
    "version": "kubehop.cli.version",
}
"""Command -> the module whose `command` it is."""

_USAGE, _FAILURE, _INTERRUPTED = 2, 1, 130


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = _COMMANDS.get(cmd_name)
        command = import_module(module).command if module else None
        return command if isinstance(command, click.Command) else None


@click.command(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
def kubehop() -> None:
    """A Kubernetes network that you can hold in your hand.

    Begin with `kubehop demo`, or with `kubehop up` and then kubectl.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0, 1 for what went wrong, 2 for wrong input, 130 for Ctrl-C."""
    try:
        result = kubehop.main(arguments, prog_name="kubehop", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("kubehop: interrupted", err=True)
        return _INTERRUPTED
    except KubehopError as error:
        click.echo(f"kubehop: {error}", err=True)
        return _USAGE if isinstance(error, ConfigError) else _FAILURE
    except BrokenPipeError:
        sys.stderr.close()  # nobody reads any more: no word about it
        return _FAILURE
    except Exception as error:
        return _report_unexpected(error)


def _report_unexpected(error: Exception) -> int:
    from kubehop.cli.crash import write_report

    click.echo(f"kubehop: unexpected {type(error).__name__}: {error}", err=True)
    click.echo(f"kubehop: please report it with {write_report(error)}", err=True)
    return _FAILURE
