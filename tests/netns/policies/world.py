"""Three namespaces with three pods each, and who really reaches whom in them.

Namespaces x, y, z (label `ns`) have pods a, b, c (label `pod`). Every pod serves TCP, UDP and
SCTP on ports 80 (`http`) and 81; y/c lacks the label `tier` that the others have. Denials are told
to their senders here, so that nobody has to wait for an answer that does not come.
"""

import selectors
import socket
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from errno import EACCES, ECONNREFUSED, EHOSTUNREACH, EINPROGRESS, ENETUNREACH
from ipaddress import ip_address

from netcore.manifest.policies import network_policy
from netcore.model.change import Batch, Change
from netcore.model.namespace import Namespace
from netcore.model.pod import NamedPort, Pod
from netcore.model.policy_settings import Deny, PolicySettings
from nodeagent.edges.netns import run_in_netns
from tests.netns.policies import raw
from tests.support import naive_policy
from tests.support.cluster import CONFIG, node, snapshot
from tests.support.topology import Topology

NAMES = tuple(f"{space}/{name}" for space in "xyz" for name in "abc")
PORTS = (80, 81)
KINDS = {"TCP": socket.SOCK_STREAM, "UDP": socket.SOCK_DGRAM}
_NAMED = (NamedPort("http", "TCP", 80), NamedPort("http", "UDP", 80))
_DENIED = (ECONNREFUSED, EHOSTUNREACH, EACCES, ENETUNREACH)
_PATIENCE_S = 20.0
_ECHOED = 16

SPACES = {space: {"ns": space, "kubernetes.io/metadata.name": space} for space in "xyz"}


@dataclass(frozen=True)
class Probe:
    """One connection that somebody may or may not have."""

    source: str
    target: str
    protocol: str
    port: int | None


PROBES = tuple(
    Probe(source, target, protocol, port)
    for source in NAMES
    for target in NAMES
    if source != target
    for protocol in KINDS
    for port in PORTS
)


def labels_of(name: str) -> dict[str, str]:
    return {"pod": name[-1]} | ({} if name == "y/c" else {"tier": "shop"})


class World:
    """The pods on `nodes` nodes, with addresses of one IP version. `config`: what is to differ from
    the cluster of the tests.
    """

    def __init__(self, nodes: int, version: int = 4, **config) -> None:
        self.question = b"?"
        self._family = socket.AF_INET if version == 4 else socket.AF_INET6
        self.pods = {
            name: Pod(
                name[0],
                name.replace("/", "-"),
                name,
                f"node{index % nodes + 1}",
                (_address(version, index % nodes + 1, 10 + index),),
                labels_of(name),
                named_ports=_NAMED,
            )
            for index, name in enumerate(NAMES)
        }
        policy = PolicySettings(deny=Deny.REJECT)
        self.base = (
            replace(CONFIG, **({"policy": policy} | config)),
            *(node(number) for number in range(1, nodes + 1)),
            *(Namespace(name, own) for name, own in SPACES.items()),
            *self.pods.values(),
        )
        self._stack = ExitStack()
        self._selector = selectors.DefaultSelector()
        self._revision = 1
        self._present: dict[tuple[str, str, str], object] = {}

    def __enter__(self) -> "World":
        self.net = self._stack.enter_context(Topology())
        for number in range(1, sum(type(o).__name__ == "Node" for o in self.base) + 1):
            picture = snapshot(*self.base, on=f"node{number}")
            self.net.start_node(picture).datapath.apply(picture)
        for name, pod in self.pods.items():
            self.net.start_pod(pod)
            for served in run_in_netns(self.path(name), lambda: _serve(self._family)):
                served.setblocking(False)
                self._selector.register(served, selectors.EVENT_READ, _answer)
        return self

    def __exit__(self, *failure) -> None:
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()
        self._selector.close()
        self._stack.__exit__(*failure)

    def path(self, name: str) -> str:
        return self.net.pods[self.pods[name].name].path

    def ip(self, name: str) -> str:
        return str(self.pods[name].ips[0])

    def apply(self, policies: Iterable[dict]) -> None:
        """These policies, and no others, are in force on every node when this returns."""
        wanted = {policy.key: policy for policy in map(network_policy, policies)}
        gone = [Change(self._present[key], deleted=True) for key in self._present.keys() - wanted]
        self._present = wanted
        self.spread((*gone, *map(Change, wanted.values())))

    def spread(self, changes: tuple[Change, ...]) -> None:
        """Every node works by these changes when this returns."""
        self._revision += 1
        batch = Batch("epoch", self._revision, changes)
        for each in self.net.nodes.values():
            each.snapshot = each.snapshot.advance(batch)
            each.datapath.apply(each.snapshot)

    def expected(self, policies: list[dict], probe: Probe) -> bool:
        """What the specification's words say."""
        source, target = (
            {
                "namespace": name[0],
                "labels": labels_of(name),
                "ip": self.ip(name),
                "ports": [(p.name, p.protocol, p.port) for p in _NAMED],
            }
            for name in (probe.source, probe.target)
        )
        return naive_policy.allows(policies, SPACES, source, target, probe.protocol, probe.port)

    def observe(self, probes: Iterable[Probe], to=None) -> dict[Probe, bool]:
        """Who got an answer. `to`: the address and port to ask, instead of the pod's own."""
        return self.ask(self.open(probes, to))

    def open(self, probes: Iterable[Probe], to=None) -> dict[Probe, socket.socket]:
        """A socket of each source, connected or about to be."""
        opened: dict[Probe, socket.socket] = {}
        for name in NAMES:
            own = [probe for probe in probes if probe.source == name]
            if own:
                opened |= run_in_netns(self.path(name), lambda own=own: self._connect(own, to))
        return opened

    def _connect(self, probes: list[Probe], to) -> dict[Probe, socket.socket]:
        made = {}
        for probe in probes:
            if probe.protocol in raw.NUMBERS:
                made[probe] = asking = raw.opened(self._family, probe.protocol)
                place = self.ip(probe.target), 0
            else:
                made[probe] = asking = socket.socket(self._family, KINDS[probe.protocol])
                place = to(probe) if to else (self.ip(probe.target), probe.port)
            asking.setblocking(False)
            assert asking.connect_ex(place) in (0, EINPROGRESS)
        return made

    def ask(self, sockets: dict[Probe, socket.socket], *, keep=False) -> dict[Probe, bool]:
        """Who gets an echo through these sockets, and who is told that there will be none."""
        found: dict[Probe, bool] = {}
        for probe, asking in sockets.items():
            self._selector.register(asking, selectors.EVENT_WRITE, probe)
        deadline = time.monotonic() + _PATIENCE_S
        while len(found) < len(sockets):
            events = self._selector.select(deadline - time.monotonic())
            silent = [probe for probe in sockets if probe not in found]
            assert events, f"neither answered nor denied: {silent[:5]}"
            for key, _ in events:
                if isinstance(key.data, Probe):
                    self._advance(key, found)
                else:
                    key.data(self._selector, key.fileobj)
        for asking in () if keep else sockets.values():
            asking.close()
        return found

    def _advance(self, key: selectors.SelectorKey, found: dict[Probe, bool]) -> None:
        asking, probe = key.fileobj, key.data
        try:
            if key.events == selectors.EVENT_WRITE:
                self._send(asking, probe)
                self._selector.modify(asking, selectors.EVENT_READ, probe)
                return
            received = asking.recv(2000)
            if probe.protocol in raw.NUMBERS:
                if not raw.is_answer(asking, probe.protocol, probe.port, received):
                    return
                found[probe] = True
            else:
                found[probe] = received == self.question[:_ECHOED]
        except OSError as error:
            if not isinstance(error, ConnectionError) and error.errno not in _DENIED:
                raise
            found[probe] = False
        self._selector.unregister(asking)

    def _send(self, asking: socket.socket, probe: Probe) -> None:
        if probe.protocol in raw.NUMBERS:
            raw.ask(asking, probe.protocol, probe.port)
        else:
            asking.send(self.question)


def _address(version: int, node: int, host: int):
    """In the pod CIDR of that node."""
    return ip_address(f"10.244.{node}.{host}" if version == 4 else f"fd00:10:244:{node}::{host:x}")


def _serve(family: int) -> list[socket.socket]:
    served = []
    for port in PORTS:
        served.append(socket.create_server(("", port), family=family, backlog=1024))
        datagrams = socket.socket(family, socket.SOCK_DGRAM)
        datagrams.bind(("", port))
        served.append(datagrams)
    served.append(raw.opened(family, "SCTP"))
    return served


def _answer(selector: selectors.BaseSelector, served: socket.socket) -> None:
    if served.type == socket.SOCK_RAW:
        raw.answer_sctp(served, PORTS)
        return
    if served.type == socket.SOCK_DGRAM:
        data, peer = served.recvfrom(_ECHOED)
        served.sendto(data, peer)
        return
    connection, _ = served.accept()
    connection.setblocking(False)
    selector.register(connection, selectors.EVENT_READ, _echo)


def _echo(selector: selectors.BaseSelector, connection: socket.socket) -> None:
    try:
        data = connection.recv(_ECHOED)
        if data:
            connection.send(data)
            return
    except OSError:
        pass
    selector.unregister(connection)
    connection.close()
