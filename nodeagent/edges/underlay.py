"""The link under the tunnel: whose Ethernet addresses stand around its datagrams.

Runs in the network namespace of the calling thread.
"""

from dataclasses import dataclass, field

from pyroute2 import IPRoute

from netcore.model.address import IpAddress
from nodeagent.edges.links import device_of, family_of, index_of, translated


@dataclass(frozen=True, slots=True)
class UnderlayLink:
    """The node's packed underlay address, its device's MAC, and the MACs of known neighbours."""

    address: bytes
    mac: bytes = bytes(6)
    neighbors: dict[str, bytes] = field(default_factory=dict)


def underlay_link(address: IpAddress) -> UnderlayLink:
    """As the kernel has it now. Raises DatapathError when no device has the address."""
    name, _ = device_of(address)
    with translated("read neighbours of", name), IPRoute() as netlink:
        index = index_of(netlink, name)
        own = netlink.get_links(index)[0].get_attr("IFLA_ADDRESS")
        neighbors = {}
        for entry in netlink.get_neighbours(family=family_of(address), ifindex=index):
            mac = entry.get_attr("NDA_LLADDR")
            if mac:
                neighbors[entry.get_attr("NDA_DST")] = _mac(mac)
    return UnderlayLink(address.packed, _mac(own), neighbors)


def _mac(text: str | None) -> bytes:
    """Of devices without Ethernet addresses: zeros."""
    found = bytes.fromhex((text or "").replace(":", ""))
    return found if len(found) == 6 else bytes(6)
