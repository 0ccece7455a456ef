"""`kubehop node NODE dump`: the tables that a node's datapath works with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from kubehop.cli.options import cluster_name, credentials, kubeconfig_file, output_format
from kubehop.cli.tables import show_table

if TYPE_CHECKING:
    from pathlib import Path


@click.group("node")
@cluster_name
@kubeconfig_file
@click.argument("node")
@click.pass_context
def command(ctx: click.Context, name: str, kubeconfig: Path | None, node: str) -> None:
    """Look into NODE."""
    ctx.obj = node
    # Before or after the node's name: people write it in both places.
    ctx.default_map = {"dump": {"name": name, "kubeconfig": kubeconfig}}


@command.command("dump")
@cluster_name
@kubeconfig_file
@click.option("--table", "tables", multiple=True, metavar="T", help="Only this one; repeatable.")
@output_format
@click.pass_obj
def dump(
    node: str, name: str, kubeconfig: Path | None, tables: tuple[str, ...], output: str
) -> None:
    """Print routes, FDB, neighbours, services, proxy rules, conntrack entries and counters.

    `--table proxy` alone prints what the tool of the node's proxy mode prints, and nothing
    else: iptables-save, ipvsadm -Ln, nft list, cilium-dbg bpf lb list.
    """
    from kubehop.kubernetes.client import ApiClient, ApiError
    from kubehop.kubernetes.nodes import no_such_node, node_names
    from kubehop.kubernetes.paths import dump_path

    client = ApiClient(credentials(name, kubeconfig))
    try:
        found = client.get(dump_path(node), [("table", table) for table in tables])
    except ApiError as error:
        if error.code != 404:
            raise
        raise no_such_node(node, node_names(client)) from error
    if output == "json":
        click.echo(json.dumps(found, indent=2))
        return
    listings = found.get("listings", ())
    if tables == ("proxy",):
        for listing in listings:
            click.echo(listing["text"], nl=False)
        return
    click.echo(f"{found['node']} at revision {found['revision']}")
    for table in found["tables"]:
        click.echo(f"\n{table['name']}")
        show_table(table["columns"], table["rows"])
    for listing in listings:
        click.echo(f"\nproxy: {listing['command']}\n{listing['text']}", nl=False)
