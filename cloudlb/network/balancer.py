"""A network load balancer: which node a packet goes to. Pure.

It works on frames: the packet stays as it is, its destination the balancer's address, and the
node translates it as it does a NodePort (direct server return: the answer goes straight to the
client). Source: Eisenbud et al., "Maglev", NSDI 2016, section 3; KEP-1860 (ipMode VIP).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from cloudlb.network.flows import FlowTable
from netcore.model.address import IpNetwork
from netcore.packet.packet import Packet
from netcore.packet.protocols import PROTOCOLS_WITH_PORTS
from netcore.service.maglev import maglev_entry, maglev_table

FrontendKey = tuple[bytes, int, int]
"""(packed address, protocol number, port)"""

_FlowKey = tuple[bytes, bytes, int, int, int]


@dataclass(frozen=True, slots=True)
class NetworkFrontend:
    """`targets` are packed addresses of nodes. With `by_client` all connections of a client go
    to one node, which then knows what the client stuck to. No `sources`: from everywhere.
    """

    targets: tuple[bytes, ...]
    sources: tuple[IpNetwork, ...] = ()
    by_client: bool = False

    def admits(self, source: bytes) -> bool:
        """Whether that client may use it."""
        if not self.sources:
            return True
        number, bits = int.from_bytes(source, "big"), 8 * len(source)
        return any(
            each.max_prefixlen == bits
            and number >> (bits - each.prefixlen)
            == int(each.network_address) >> (bits - each.prefixlen)
            for each in self.sources
        )


@dataclass(frozen=True, slots=True)
class Forward:
    """To this node, by its packed address."""

    node: bytes


@dataclass(frozen=True, slots=True)
class Drop:
    """`reason` is also the name of a counter."""

    reason: str


NOT_OURS = Drop("not-ours")
_NO_LISTENER = Drop("no-listener")
_SOURCE_RANGE = Drop("source-range")
_NO_TARGET = Drop("no-healthy-node")
_FRAGMENT = Drop("fragment-without-first")


@dataclass(slots=True)
class NetworkBalancer:
    """Decides for every address of the network load balancers."""

    frontends: Mapping[FrontendKey, NetworkFrontend] = field(default_factory=dict)
    addresses: frozenset[bytes] = frozenset()
    _flows: FlowTable[_FlowKey] = field(default_factory=FlowTable)
    _datagrams: FlowTable[tuple[bytes, bytes, int, int]] = field(
        default_factory=lambda: FlowTable(max_entries=4096, idle_s=30.0)
    )

    @property
    def flow_count(self) -> int:
        return len(self._flows)

    def use(self, frontends: Mapping[FrontendKey, NetworkFrontend]) -> None:
        """These are all frontends from now on; flows to nodes that stay go on."""
        self.frontends = frontends
        self.addresses = frozenset(address for address, _, _ in frontends)

    def decide(self, packet: Packet, now_s: float) -> Forward | Drop:
        """Where the packet goes; `now_s` is monotonic."""
        if packet.quoted is not None:
            return self._follow_quoted(packet, now_s)
        if packet.dst not in self.addresses:
            return NOT_OURS
        if packet.protocol not in PROTOCOLS_WITH_PORTS:
            return _NO_LISTENER
        if packet.fragment_offset:
            node = self._datagrams.find(_datagram(packet), now_s)
            return _FRAGMENT if node is None else Forward(node)
        ends = packet.src, packet.dst, packet.protocol, packet.src_port, packet.dst_port
        decision = self._choose(ends, now_s)
        if packet.more_fragments and isinstance(decision, Forward):
            self._datagrams.put(_datagram(packet), decision.node, now_s)
        return decision

    def expire(self, now_s: float) -> None:
        """Forget flows that have been idle for long."""
        self._flows.expire(now_s)
        self._datagrams.expire(now_s)

    def _follow_quoted(self, packet: Packet, now_s: float) -> Forward | Drop:
        """An ICMP error about an answer goes where the answer came from."""
        quoted = packet.quoted
        assert quoted is not None
        if quoted.src not in self.addresses or packet.dst != quoted.src:
            return NOT_OURS  # the second: an error is for who sent what it quotes (RFC 792)
        ends = quoted.dst, quoted.src, quoted.protocol, quoted.dst_port, quoted.src_port
        return self._choose(ends, now_s)

    def _choose(self, ends: _FlowKey, now_s: float) -> Forward | Drop:
        source, address, protocol, _, port = ends
        frontend = self.frontends.get((address, protocol, port))
        if frontend is None:
            return _NO_LISTENER
        if not frontend.admits(source):
            return _SOURCE_RANGE
        node = self._flows.find(ends, now_s)
        if node is None or node not in frontend.targets:
            if not frontend.targets:
                return _NO_TARGET
            node = _pick(frontend, ends)
            self._flows.put(ends, node, now_s)
        return Forward(node)


def _datagram(packet: Packet) -> tuple[bytes, bytes, int, int]:
    return packet.src, packet.dst, packet.protocol, packet.identification


def _pick(frontend: NetworkFrontend, ends: _FlowKey) -> bytes:
    source, address, protocol, source_port, port = ends
    hashed = source + address + bytes((protocol,))
    if not frontend.by_client:
        hashed += source_port.to_bytes(2, "big") + port.to_bytes(2, "big")
    return frontend.targets[_table(frontend.targets)[maglev_entry(hashed)]]


@lru_cache(maxsize=64)
def _table(targets: tuple[bytes, ...]) -> Sequence[int]:
    """Most Services have the same healthy nodes, and with them one table."""
    return maglev_table(targets)
