"""`kubehop clusters`: which clusters run here."""

import click

from kubehop.local.cluster import running_clusters


@click.command("clusters")
def command() -> None:
    """List your clusters that run: those whose files are in your state folder."""
    names = running_clusters()
    for name in names:
        click.echo(name)
    if not names:
        click.echo("No clusters run. Start one with: kubehop up", err=True)
