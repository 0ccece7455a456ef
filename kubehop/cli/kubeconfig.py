"""`kubehop kubeconfig`: how to reach a cluster, for other programs."""

import click

from kubehop.cli.options import cluster_name
from kubehop.local.cluster import running


@click.command("kubeconfig")
@cluster_name
def command(name: str) -> None:
    """Print a kubeconfig of the cluster."""
    click.echo(running(name).kubeconfig.read_text(), nl=False)
