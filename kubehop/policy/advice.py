"""NetworkPolicies that allow what was seen, and nothing that they need not.

From connections to policies, and back: the policies are judged by the code that judges packets
against every connection that they are made of, and what no connection needs is left away.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from kubehop.policy.connections import Judge, denial
from kubehop.policy.world import with_network_policies
from netcore.model.policy import Direction
from netcore.packet.protocols import PROTOCOL_NAMES, PROTOCOLS_WITH_PORTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from kubehop.policy.connections import Connection
    from kubehop.policy.world import World
    from netcore.model.pod import Pod

Object = dict[str, Any]
Labels = tuple[tuple[str, str], ...]
Subject = tuple[str, Labels]
"""A namespace, and the labels by which pods in it are selected."""

NAME_LABEL = "kubernetes.io/metadata.name"
_OF_CONTROLLERS = frozenset(
    {
        "pod-template-hash",
        "controller-revision-hash",
        "pod-template-generation",
        "statefulset.kubernetes.io/pod-name",
        "apps.kubernetes.io/pod-index",
        "controller-uid",
        "job-name",
        "batch.kubernetes.io/controller-uid",
        "batch.kubernetes.io/job-name",
        "batch.kubernetes.io/job-completion-index",
    }
)
"""Labels that say which replica a pod is, and not what it is for."""
_NAMING = ("app.kubernetes.io/name", "app", "k8s-app", "name", "run")
_MAX_NAME = 50


@dataclass(frozen=True, slots=True)
class Peer:
    """Pods by namespace and labels, or (`labels` None) an address."""

    namespace: str = ""
    labels: Labels | None = None
    address: str = ""


@dataclass(frozen=True, slots=True)
class Need:
    """One entry that a policy has to have. `port` 0: the protocol has none, so any port goes."""

    direction: Direction
    peer: Peer
    protocol: str
    port: int


@dataclass(slots=True)
class Advice:
    """`policies` are manifests. `replayed` connections were judged by them and are all allowed;
    `left_out` have pods that are gone, or without labels to select them by (`unlabelled`).
    """

    policies: list[Object] = field(default_factory=list)
    replayed: int = 0
    left_out: int = 0
    unlabelled: list[str] = field(default_factory=list)


def advise(world: World, found: Iterable[Connection], namespaces: frozenset[str]) -> Advice:
    """Policies for the pods of these namespaces, or of all but kube-system where none is named.

    Only forwarded connections count. The present NetworkPolicies of these namespaces are left out
    of the judgement: the advised ones are to do alone.
    """
    builder = _Builder(world, namespaces)
    for connection in found:
        builder.add(connection)
    return builder.advice()


class _Builder:
    def __init__(self, world: World, namespaces: frozenset[str]) -> None:
        self._world, self._namespaces = world, namespaces
        self._judge = Judge(world)
        self._needs: dict[Subject, dict[Need, None]] = {}
        self._unique: dict[tuple[object, ...], Connection] = {}
        self._left_out = 0
        self._unlabelled: dict[str, None] = {}

    def add(self, connection: Connection) -> None:
        if not connection.forwarded:
            return
        flow = connection.flow
        key = (connection.node, flow.protocol, flow.src, connection.carried.src, flow.dst,
               flow.dst_port)  # fmt: skip
        if key in self._unique:
            return
        if not self._judge.knows(connection):
            self._left_out += 1
            return
        self._unique[key] = connection
        pods = self._world.snapshot.pods_by_ip
        for direction, own, other in (
            (Direction.EGRESS, pods.get(flow.src), flow.dst),
            (Direction.INGRESS, pods.get(flow.dst), connection.carried.src),
        ):
            if own is not None and own.node_name == connection.node and self._is_meant(own):
                self._add_need(direction, own, other, connection)

    def _add_need(
        self, direction: Direction, own: Pod, other: bytes, connection: Connection
    ) -> None:
        labels = lasting_labels(own.labels)
        if not labels:
            self._unlabelled[f"{own.namespace}/{own.name}"] = None
            return
        needs = self._needs.setdefault((own.namespace, labels), {})
        protocol = connection.flow.protocol
        has_port = protocol in PROTOCOLS_WITH_PORTS
        name = PROTOCOL_NAMES.get(protocol, str(protocol))
        port = connection.flow.dst_port if has_port else 0
        needs[Need(direction, self._peer(other), name, port)] = None

    def _peer(self, ip: bytes) -> Peer:
        pod = self._world.snapshot.pods_by_ip.get(ip)
        if pod is None:
            return Peer(address=str(ip_address(ip)))
        return Peer(pod.namespace, lasting_labels(pod.labels))

    def _is_meant(self, pod: Pod) -> bool:
        if self._namespaces:
            return pod.namespace in self._namespaces
        return pod.namespace != "kube-system"

    def advice(self) -> Advice:
        replayed = [each for each in self._unique.values() if self._is_about(each)]
        wanted = {subject: list(needs) for subject, needs in self._needs.items()}
        for subject, needs in wanted.items():
            for need in list(needs):
                needs.remove(need)
                if not self._allows(wanted, replayed, subject):
                    needs.append(need)
        return Advice(
            policies=list(_manifests(wanted)),
            replayed=len(replayed),
            left_out=self._left_out,
            unlabelled=list(self._unlabelled),
        )

    def _is_about(self, connection: Connection) -> bool:
        pods = self._world.snapshot.pods_by_ip
        ends = (pods.get(connection.flow.src), pods.get(connection.flow.dst))
        return any(pod is not None and self._is_meant(pod) for pod in ends)

    def _allows(
        self, wanted: dict[Subject, list[Need]], replayed: list[Connection], subject: Subject
    ) -> bool:
        """Whether every connection of the subject's pods is still allowed."""
        judge = Judge(self._with(wanted))
        return all(
            denial(judge.judgements(each)) is None
            for each in replayed
            if self._concerns(each, subject)
        )

    def _concerns(self, connection: Connection, subject: Subject) -> bool:
        namespace, labels = subject
        pods = self._world.snapshot.pods_by_ip
        return any(
            pod is not None
            and pod.namespace == namespace
            and dict(labels).items() <= pod.labels.items()
            for pod in (pods.get(connection.flow.src), pods.get(connection.flow.dst))
        )

    def _with(self, wanted: dict[Subject, list[Need]]) -> World:
        kept = [
            each
            for each in self._world.network_policies
            if self._namespaces and each["metadata"]["namespace"] not in self._namespaces
        ]
        return with_network_policies(self._world, [*kept, *_manifests(wanted)])


def lasting_labels(labels: Mapping[str, str]) -> Labels:
    """Those that all replicas have, sorted."""
    return tuple(sorted((k, v) for k, v in labels.items() if k not in _OF_CONTROLLERS))


def _manifests(wanted: Mapping[Subject, Iterable[Need]]) -> Iterator[Object]:
    names: dict[tuple[str, str], int] = {}
    for (namespace, labels), needs in sorted(wanted.items()):
        base = _name(labels)
        count = names[namespace, base] = names.get((namespace, base), 0) + 1
        spec: Object = {
            "podSelector": {"matchLabels": dict(labels)},
            "policyTypes": ["Ingress", "Egress"],
        }
        for direction, field_name, peer_field in (
            (Direction.INGRESS, "ingress", "from"),
            (Direction.EGRESS, "egress", "to"),
        ):
            rules = list(_rules(needs, direction, namespace, peer_field))
            if rules:
                spec[field_name] = rules
        yield {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": base if count == 1 else f"{base}-{count}", "namespace": namespace},
            "spec": spec,
        }


def _name(labels: Labels) -> str:
    known = dict(labels)
    value = next((known[key] for key in _NAMING if known.get(key)), labels[0][1])
    safe = "".join(c if c.isascii() and c.isalnum() else "-" for c in value.lower()).strip("-")
    return f"{safe[:_MAX_NAME].strip('-') or 'pods'}-advised"


def _rules(
    needs: Iterable[Need], direction: Direction, namespace: str, field_name: str
) -> Iterator[Object]:
    """A rule for each set of ports, with all peers that have it."""
    ports_of: dict[Peer, set[tuple[str, int]]] = {}
    for need in needs:
        if need.direction is direction:
            ports_of.setdefault(need.peer, set()).add((need.protocol, need.port))
    peers_of: dict[tuple[tuple[str, int], ...], list[Peer]] = {}
    for peer, ports in ports_of.items():
        # ICMP goes only through a rule without ports, and that lets every port through.
        key = () if any(port == 0 for _, port in ports) else tuple(sorted(ports))
        peers_of.setdefault(key, []).append(peer)
    for ports_key, peers in sorted(peers_of.items()):
        rule: Object = {field_name: [_peer(each, namespace) for each in sorted(peers, key=_order)]}
        if ports_key:
            rule["ports"] = [{"protocol": name, "port": port} for name, port in ports_key]
        yield rule


def _order(peer: Peer) -> tuple[str, str, Labels]:
    return peer.address, peer.namespace, peer.labels or ()


def _peer(peer: Peer, namespace: str) -> Object:
    if peer.labels is None:
        width = ip_address(peer.address).max_prefixlen
        return {"ipBlock": {"cidr": f"{peer.address}/{width}"}}
    found: Object = {"podSelector": {"matchLabels": dict(peer.labels)} if peer.labels else {}}
    if peer.namespace != namespace:
        found["namespaceSelector"] = {"matchLabels": {NAME_LABEL: peer.namespace}}
    return found
