"""`kubehop down`: a cluster and all that belongs to it goes away."""

import click

from kubehop.local.cluster import delete, running_clusters
from kubehop.local.paths import DEFAULT_CLUSTER


@click.command("down")
@click.option(
    "--name", default=DEFAULT_CLUSTER, show_default=True, metavar="N", help="The cluster."
)
def command(name: str) -> None:
    """End a cluster, also one that was killed, and remove its context from the kubeconfig."""
    if delete(name):
        click.echo(f'Deleted the cluster "{name}".', err=True)
    else:
        others = ", ".join(running_clusters())
        hint = f"; choose with --name: {others}" if others else ""
        click.echo(f'There is no cluster "{name}": nothing to delete{hint}.', err=True)
