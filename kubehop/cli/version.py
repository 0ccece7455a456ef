"""`kubehop version`."""

import platform
from importlib.metadata import version

import click


@click.command("version")
def command() -> None:
    """Print the version."""
    click.echo(f"kubehop {version('kubehop')} (Python {platform.python_version()})")
