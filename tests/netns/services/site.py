"""The nodes, pods and machines of the Service scenarios; see conftest.py for who is where."""

import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import pytest

from netcore.model.address import parse_address
from netcore.model.change import Batch, Change, NetworkObject
from netcore.model.endpoint import EndpointPort, EndpointSlice
from netcore.model.node import PROXY_MODE_LABEL, ZONE_LABEL, Node
from netcore.model.pod import Pod
from netcore.model.service import Service, ServicePort
from netcore.pipeline.snapshot import Snapshot
from tests.support.cluster import CLIENT_POD, CONFIG, WEB_PODS, batch, node, pod, service, slice_of
from tests.support.kubectl import wait_until
from tests.support.responders import Answer, Responders, ask, connect, unanswered
from tests.support.topology import EmulatedNode, Namespace, Topology

ZONES = {"node1": "a", "node2": "b", "node3": "a"}
LONE_POD = pod("lone", 3, 9)
WEB = {each.name for each in WEB_PODS}
PODS = (*WEB_PODS, CLIENT_POD, LONE_POD)

OUTSIDE = {4: "172.18.0.100", 6: "fd00:172:18::100"}
SERVICE = {4: "10.96.0.50", 6: "fd00:10:96::50"}
NODE_PORT = 30080
EXTERNAL_IP = {4: "198.51.100.7", 6: "2001:db8:7::7"}
BALANCER_IP = {4: "172.18.255.200", 6: "fd00:172:18:ff::1"}

PROTOCOLS = ("TCP", "UDP", "SCTP")
FAMILIES = (4, 6)
NOBODY = "service_backend_not_found"
ALL_FAMILIES = pytest.mark.parametrize("version", FAMILIES)
ALL_PROTOCOLS = pytest.mark.parametrize("protocol", PROTOCOLS)
_LONG_S = 10 * 86_400.0  # more than any flow or affinity lasts


class Clock:
    """Monotonic time that can be moved on."""

    def __init__(self) -> None:
        self._ahead_s = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self._ahead_s

    def move_on(self, seconds: float) -> None:
        self._ahead_s += seconds


@dataclass(repr=False)
class Site:
    topology: Topology
    responders: Responders
    clock: Clock
    chance: Random
    seen: dict[str, Snapshot] = field(default_factory=dict)

    def begin(self, mode: str, seed: int) -> None:
        """From now on the nodes are of this mode, by their label; nothing is remembered."""
        self.chance.seed(seed)
        self.seen = {name: each.snapshot for name, each in self.nodes.items()}
        self.use(*(_node(number, mode) for number in (1, 2, 3)))
        self.forget()

    def forget(self) -> None:
        """So much time goes by that no flow and no client of a sticky Service is known."""

        def is_all_over() -> bool:
            self.clock.move_on(_LONG_S)
            return not any(each.datapath.conntrack() for each in self.nodes.values())

        wait_until(is_all_over, "all flows are over", pause_s=0.001)

    def end(self) -> None:
        for name, emulated in self.nodes.items():
            emulated.datapath.apply(emulated.snapshot)
            self.seen[name] = emulated.snapshot

    def use(self, *objects: NetworkObject, gone: tuple[NetworkObject, ...] = ()) -> None:
        """Tell all nodes of `objects`, as they are now, and that those `gone` are no more."""
        deleted = (Change(each, deleted=True) for each in gone)
        told = Batch("epoch", 1, (*map(Change, objects), *deleted))
        for name, emulated in self.nodes.items():
            self.seen[name] = self.seen[name].advance(told)
            emulated.datapath.apply(self.seen[name])

    @property
    def nodes(self) -> dict[str, EmulatedNode]:
        return self.topology.nodes

    def machine(self, name: str) -> Namespace:
        """The namespace of a pod, a node or the machine outside."""
        found = self.nodes.get(name)
        return found.namespace if found else self.topology.pods[name]

    def ask(self, protocol: str, source: str, address: str, port: int) -> Answer:
        return ask(protocol, self.machine(source), address, port)

    def answers(
        self, protocol: str, source: str, address: str, port: int, count: int = 20
    ) -> set[str]:
        """The names of those who answer to so many clients, one after the other."""
        return {self.ask(protocol, source, address, port).name for _ in range(count)}

    def seen_as(self, protocol: str, source: str, address: str, port: int) -> str:
        """The address that whoever answers sees as the client's."""
        return self.ask(protocol, source, address, port).client

    def connect(
        self, protocol: str, source: str, address: str, port: int, client_port: int = 0
    ) -> socket.socket:
        """A connected socket of TCP or UDP."""
        kind = socket.SOCK_STREAM if protocol == "TCP" else socket.SOCK_DGRAM
        return connect(kind, self.machine(source), address, port, client_port=client_port)

    def refuses(self, protocol: str, source: str, address: str, port: int) -> bool:
        """Whether the question is refused at once: by a reset or by ICMP. It may be answered."""
        try:
            self.ask(protocol, source, address, port)
        except ConnectionRefusedError:
            return True
        return False

    def turns_away(self, protocol: str, source: str, address: str, port: int, *, on: str) -> bool:
        """Whether this node, to which a policy of `Local` leaves no endpoint, does what the real
        one does: kube-proxy lets fall, Cilium refuses.
        """
        if self.seen[on].mode.name == "ebpf":
            return self.refuses(protocol, source, address, port)
        return self.drops(protocol, source, address, port, on=on, because=NOBODY)

    def drops(
        self, protocol: str, source: str, address: str, port: int, *, on: str, because: str
    ) -> bool:
        """Whether this node lets a question fall for that reason; fails when it does not, and
        when the question is answered or refused.
        """
        count = f"drop_{because}"
        before = self.nodes[on].stat(count)
        with unanswered(protocol, self.machine(source), address, port):
            wait_until(lambda: self.nodes[on].stat(count) > before, f"{on} drops: {because}")
        return True


def _node(number: int, mode: str) -> Node:
    name = f"node{number}"
    return node(number, labels={PROXY_MODE_LABEL: mode, ZONE_LABEL: ZONES[name]})


@contextmanager
def built() -> Iterator[Site]:
    with Topology() as topology, Responders() as responders:
        site = Site(topology, responders, Clock(), Random(1))
        for number in (1, 2, 3):
            base = Snapshot(CONFIG, f"node{number}").advance(
                batch(CONFIG, *map(node, (1, 2, 3)), *PODS)
            )
            topology.start_node(base, clock=site.clock, random_below=site.chance.randrange)
        for each in PODS:
            topology.start_pod(each)
        topology.pods["outside"] = _outside(topology)
        for name in (*topology.pods, *topology.nodes):
            responders.listen(site.machine(name), name, 8080)
            responders.listen(site.machine(name), f"{name}:8081", 8081)
        yield site


def _outside(topology: Topology) -> Namespace:
    """A machine that sends what is for the addresses of Services to node1."""
    made = topology.plug("outside", f"{OUTSIDE[4]}/16")
    made.run("ip", "addr", "add", f"{OUTSIDE[6]}/64", "dev", "eth0", "nodad")
    for addresses in (EXTERNAL_IP, BALANCER_IP, SERVICE):
        for version, via in ((4, "172.18.0.11"), (6, "fd00:172:18::11")):
            made.run("ip", "route", "add", addresses[version], "via", via)
    return made


# What there is of Services, in short.


def node_address(number: int, version: int) -> str:
    return f"172.18.0.{10 + number}" if version == 4 else f"fd00:172:18::{10 + number}"


def pod_address(owner: Pod, version: int) -> str:
    return str(next(ip for ip in owner.ips if ip.version == version))


def gateway(number: int, version: int) -> str:
    """What node<number> is to its pods, and to pods elsewhere for what it masquerades."""
    return f"10.244.{number}.1" if version == 4 else f"fd00:10:244:{number}::1"


def web(node_port: int = 0, **fields: Any) -> Service:
    """Service `web`: port 80 of every protocol."""
    ports = tuple(ServicePort(p.lower(), p, 80, node_port) for p in PROTOCOLS)
    own: dict[str, Any] = {"ports": ports, "type": "NodePort" if node_port else "ClusterIP"}
    return service("web", 50, **(own | fields))


def slices(
    pods: Sequence[Pod],
    at: int | Mapping[str, tuple[str, int]] = 8080,
    suffix: str = "",
    **conditions: Any,
) -> tuple[EndpointSlice, ...]:
    """Slices of its endpoints, one a family: these pods at this target port, or at those by name.

    `conditions` are fields of all of these endpoints.
    """
    targets = at if isinstance(at, Mapping) else {p.lower(): (p, at) for p in PROTOCOLS}
    ports = tuple(EndpointPort(name, *target) for name, target in targets.items())
    return tuple(
        replace(
            made,
            name=f"{made.name}{suffix}",
            ports=ports,
            endpoints=tuple(replace(each, **conditions) for each in made.endpoints),
        )
        for made in (slice_of("web", version, tuple(pods)) for version in FAMILIES)
    )


def host_pod(name: str, *addresses: str, node_name: str = "") -> Pod:
    """A pod in the network of a machine with these addresses."""
    ips = tuple(map(parse_address, addresses))
    return Pod("default", f"on-{name}", f"uid-{name}", node_name, ips, host_network=True)
