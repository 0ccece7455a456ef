"""What a node of the service zoo would show."""

from netcore.pipeline.snapshot import Snapshot
from netcore.service.listings.base import ProxyTables
from netcore.service.modes.registry import proxy_mode
from tests.support.cluster import cluster
from tests.support.service_zoo import zoo


def tables_of(snapshot: Snapshot) -> ProxyTables:
    """Nobody has a connection."""
    own = snapshot.node
    assert own is not None
    return ProxyTables(
        snapshot.frontends,
        own.underlay_addresses,
        snapshot.config.pod_cidrs,
        snapshot.config.service_cidrs,
        lambda frontend, place: (0, 0),
    )


def zoo_listings(mode: str) -> dict[str, str]:
    """The texts by the commands that print them."""
    shown = proxy_mode(mode).listings(tables_of(cluster(*zoo())))
    return {listing.command: listing.text for listing in shown}
