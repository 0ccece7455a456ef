"""The datapath's tables as rows of text, for people; the proxy's in the words of its own tools."""

import asyncio
from collections.abc import Callable, Iterator

from netcore.conntrack.load import LoadCount
from netcore.forwarding.destinations import LocalPods, RemotePods, ServiceRange
from netcore.model.address import authority, format_mac, text
from netcore.model.node import Node
from netcore.packet.protocols import PROTOCOL_NAMES
from netcore.pipeline.snapshot import Snapshot
from netcore.service.frontend import ANY_NODE
from netcore.service.listings.base import ProxyTables
from nodeagent.agent import Agent
from protos.gen.v1 import nodeagent_pb2 as pb

Rows = Iterator[tuple[str, ...]]


_PROXY = "proxy"


async def dump(agent: Agent, wanted: tuple[str, ...]) -> pb.DumpResponse:
    """The wanted tables, all when none is named. Raises LookupError for an unknown name."""
    known = (*_TABLES, _PROXY)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise LookupError(f"no table {unknown[0]!r}: there are {', '.join(known)}")
    names = wanted or known
    response = pb.DumpResponse(
        revision=agent.snapshot.revision,
        tables=[_table(agent, name) for name in names if name != _PROXY],
    )
    if _PROXY in names:
        # Apart, since with thousands of Services it takes longer than heartbeats can wait.
        listings = await asyncio.to_thread(agent.snapshot.mode.listings, _proxy_tables(agent))
        for listing in listings:
            response.listings.add(command=listing.command, text=listing.text)
    return response


def _proxy_tables(agent: Agent) -> ProxyTables:
    snapshot, load = agent.snapshot, LoadCount()
    for entry in agent.datapath.conntrack():
        load.add(entry)
    own = snapshot.node
    return ProxyTables(
        snapshot.frontends,
        own.underlay_addresses if own is not None else (),
        snapshot.config.pod_cidrs,
        snapshot.config.service_cidrs,
        lambda frontend, place: load.of((frontend, place)),
    )


def _table(agent: Agent, name: str) -> pb.DumpTable:
    columns, rows = _TABLES[name]
    return pb.DumpTable(
        name=name, columns=columns, rows=[pb.DumpRow(cells=row) for row in rows(agent)]
    )


def _routes(agent: Agent) -> Rows:
    for route in agent.snapshot.routes:
        match route.target:
            case LocalPods():
                yield str(route.network), "pods", "", "local pods"
            case RemotePods(node):
                via = str(node.underlay_addresses[0]) if node.underlay_addresses else ""
                yield str(route.network), "vxlan", via, node.name
            case ServiceRange():
                yield str(route.network), "service", "", "service translation"
            case _:
                yield str(route.network), "unreachable", "", "no node has it"
    yield "default", "host", "", "through the node, masqueraded"


def _fdb(agent: Agent) -> Rows:
    for node in _peers(agent.snapshot):
        yield format_mac(node.vtep_mac), "vxlan", str(node.underlay_addresses[0]), node.name


def _neighbors(agent: Agent) -> Rows:
    for port in agent.ports():
        for ip in port.ips:
            yield text(ip), "pod", format_mac(port.mac), port.name
    for node in _peers(agent.snapshot):
        for cidr in node.pod_cidrs:
            yield str(cidr[0]), "vxlan", format_mac(node.vtep_mac), node.name


def _peers(snapshot: Snapshot) -> Iterator[Node]:
    return (
        node
        for node in snapshot.nodes.values()
        if node.name != snapshot.node_name and node.vtep_mac and node.underlay_addresses
    )


def _services(agent: Agent) -> Rows:
    for frontend in sorted(agent.snapshot.frontends.values(), key=lambda f: (f.name, f.key)):
        protocol = frontend.key[1]
        backends = " ".join(authority(b.ip, b.port) for b in frontend.backends)
        yield (
            frontend.name,
            PROTOCOL_NAMES.get(protocol, str(protocol)),
            f"{frontend.kind.value} {frontend.shown}",
            backends or "<none>",
        )


def _host_ports(agent: Agent) -> Rows:
    for (place, number, port), target in sorted(agent.snapshot.host_ports.items()):
        address = "*" if place in ANY_NODE.values() else text(place)
        yield (
            PROTOCOL_NAMES.get(number, str(number)),
            authority(address, port),
            authority(target.ip, target.port),
            "/".join(target.pod),
        )


def _conntrack(agent: Agent) -> Rows:
    now = agent.clock()
    for entry in agent.datapath.conntrack():
        original, reply = entry.original, entry.reply
        yield (
            PROTOCOL_NAMES.get(original.protocol, str(original.protocol)),
            entry.state.label,
            str(max(0, round(entry.expires_at - now))),
            authority(original.src, original.src_port),
            authority(original.dst, original.dst_port),
            authority(reply.src, reply.src_port),
            authority(reply.dst, reply.dst_port),
            entry.service,
        )


def _stats(agent: Agent) -> Rows:
    for name, value in sorted(agent.datapath.stats().items()):
        yield name, str(value)


_TABLES: dict[str, tuple[tuple[str, ...], Callable[[Agent], Rows]]] = {
    "routes": (("DESTINATION", "KIND", "VIA", "TARGET"), _routes),
    "fdb": (("MAC", "DEV", "VTEP", "NODE"), _fdb),
    "neighbors": (("ADDRESS", "DEV", "MAC", "NAME"), _neighbors),
    "services": (("SERVICE", "PROTOCOL", "FRONTEND", "BACKENDS"), _services),
    "host-ports": (("PROTOCOL", "HOST", "POD-ADDRESS", "POD"), _host_ports),
    "conntrack": (
        ("PROTOCOL", "STATE", "TTL", "SRC", "DST", "REPLY-SRC", "REPLY-DST", "SERVICE"),
        _conntrack,
    ),
    "stats": (("COUNTER", "VALUE"), _stats),
}
