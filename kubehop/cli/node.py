"""`kubehop node NODE dump`: the tables that a node's datapath works with."""

from __future__ import annotations

import json

import click

from kubehop.cli.options import cluster_name, output_format
from kubehop.cli.tables import show_table
from kubehop.local.cluster import running


@click.group("node")
@click.argument("node")
@cluster_name
@click.pass_context
def command(ctx: click.Context, node: str, name: str) -> None:
    """Look into NODE."""
    ctx.obj = (node, name)


@command.command("dump")
@click.option("--table", "tables", multiple=True, metavar="T", help="Only this one; repeatable.")
@output_format
@click.pass_obj
def dump(target: tuple[str, str], tables: tuple[str, ...], output: str) -> None:
    """Print routes, FDB, neighbours, services, conntrack entries and counters."""
    from kubehop.kubernetes.client import ApiClient
    from kubehop.kubernetes.credentials import load_credentials
    from kubehop.kubernetes.paths import dump_path

    node, name = target
    client = ApiClient(load_credentials(running(name).kubeconfig))
    found = client.get(dump_path(node), [("table", table) for table in tables])
    if output == "json":
        click.echo(json.dumps(found, indent=2))
        return
    click.echo(f"{found['node']} at revision {found['revision']}")
    for table in found["tables"]:
        click.echo(f"\n{table['name']}")
        show_table(table["columns"], table["rows"])
