"""The frozen, revisioned picture of the cluster that one node decides by.

`Snapshot.advance(batch)` gives the next picture and leaves the old one untouched. Its cost
grows with the change, not with the cluster: mappings that a batch does not touch are shared,
the touched ones are copied once a batch (with 10,000 Services a changed endpoint copies two,
in less than a millisecond), and only the frontends of touched Services are compiled anew.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from netcore.forwarding.destinations import (
    Destination,
    LocalPods,
    RemotePods,
    ServiceRange,
    Unallocated,
)
from netcore.forwarding.routes import Route, RouteTable
from netcore.model.address import is_loopback
from netcore.model.change import Batch, Change, NetworkObject
from netcore.model.config import DEFAULT_PROXY_MODE, ClusterConfig
from netcore.model.endpoint import EndpointSlice
from netcore.model.namespace import Namespace
from netcore.model.node import PROXY_MODE_LABEL, ZONE_LABEL, Node
from netcore.model.pod import Pod
from netcore.model.policy import Policy, PolicyKey
from netcore.model.service import Service
from netcore.policy.members import Members, MembersBuilder
from netcore.policy.table import NO_POLICIES, PolicyTable, World, policy_table
from netcore.service.balancing import Scope, ServicePortScope
from netcore.service.frontend import Frontend, FrontendKey, compile_frontends
from netcore.service.host_port import HostPortTarget, host_port_targets
from netcore.service.modes.base import HashedRules, ProxyMode, Rules
from netcore.service.modes.registry import PROXY_MODES, proxy_mode
from netcore.service.topology import Place

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that `decide` knows of the world, seen from `node_name`.

    `gateways` are the packed addresses that this node has towards its pods (the first of each
    pod CIDR), `node_addresses` those it has on the underlay. `service_addresses` are all
    cluster IPs, so that an unknown port can be told from an unknown address. Where several
    Services claim one frontend, `contested` has them all and `frontends` the first by name.
    `nodes_by_address` knows nodes by their addresses on the underlay and towards their pods.
    `policies` are those in force; `staged`, empty where there is no other, has those without force,
    too.
    """

    config: ClusterConfig
    node_name: str
    epoch: str = ""
    revision: int = 0
    nodes: Mapping[str, Node] = field(default_factory=dict)
    pods: Mapping[Key, Pod] = field(default_factory=dict)
    services: Mapping[Key, Service] = field(default_factory=dict)
    endpoint_slices: Mapping[Key, EndpointSlice] = field(default_factory=dict)
    namespaces: Mapping[str, Namespace] = field(default_factory=dict)

    pods_by_ip: Mapping[bytes, Pod] = field(default_factory=dict)
    slices_by_service: Mapping[Key, frozenset[Key]] = field(default_factory=dict)
    frontends: Mapping[FrontendKey, Frontend] = field(default_factory=dict)
    contested: Mapping[FrontendKey, tuple[Frontend, ...]] = field(default_factory=dict)
    service_addresses: Mapping[bytes, Key] = field(default_factory=dict)
    host_ports: Mapping[FrontendKey, HostPortTarget] = field(default_factory=dict)
    nodes_by_underlay: Mapping[bytes, Node] = field(default_factory=dict)
    routes: RouteTable[Destination] = field(default_factory=lambda: RouteTable(()))
    gateways: tuple[bytes, ...] = ()
    node_addresses: tuple[bytes, ...] = ()
    mode: ProxyMode = field(default_factory=lambda: proxy_mode(DEFAULT_PROXY_MODE))
    rules: Rules = field(default_factory=lambda: HashedRules({}))
    nodes_by_address: Mapping[bytes, Node] = field(default_factory=dict)
    all_policies: Mapping[PolicyKey, Policy] = field(default_factory=dict)
    members: Members = field(default_factory=Members, compare=False)
    policies: PolicyTable = NO_POLICIES
    staged: PolicyTable = NO_POLICIES

    @property
    def node(self) -> Node | None:
        return self.nodes.get(self.node_name)

    @property
    def place(self) -> Place:
        """Where the node stands, for endpoints that are nearer than others."""
        return _place(self.node_name, self.node)

    def is_own_address(self, packed_address: bytes) -> bool:
        """Whether the node itself has it: on the underlay, towards its pods, as a loopback."""
        return (
            packed_address in self.node_addresses
            or packed_address in self.gateways
            or is_loopback(packed_address)
        )

    def has_no_scope(self, scope: Scope) -> bool:
        """Whether nothing that has this balancing scope is there any more."""
        if isinstance(scope, ServicePortScope):
            return scope.service not in self.services
        return scope not in self.frontends

    def gateway(self, width_bytes: int) -> bytes | None:
        """The gateway of the family with addresses that wide."""
        return next((ip for ip in self.gateways if len(ip) == width_bytes), None)

    def node_address(self, width_bytes: int) -> bytes | None:
        """The node's own underlay address of that family."""
        return next((ip for ip in self.node_addresses if len(ip) == width_bytes), None)

    def forwards_like(self, other: "Snapshot") -> bool:
        """Whether `decide` cannot tell the two apart: false where that is not known at once."""
        return (
            self.config is other.config
            and self.nodes is other.nodes
            and self.pods_by_ip is other.pods_by_ip
            and self.frontends is other.frontends
            and self.service_addresses is other.service_addresses
            and self.host_ports is other.host_ports
            and self.mode is other.mode
            and self.policies is other.policies
            and self.staged is other.staged
        )

    def slices_of(self, service: Key) -> Iterator[EndpointSlice]:
        for key in sorted(self.slices_by_service.get(service, ())):
            yield self.endpoint_slices[key]

    def advance(self, batch: Batch) -> "Snapshot":
        """The picture after `batch`. A reset batch starts from nothing but the node's name."""
        base = Snapshot(self.config, self.node_name) if batch.reset else self
        builder = _Builder(base)
        for change in batch.changes:
            builder.apply(change)
        return replace(builder.finish(), epoch=batch.epoch, revision=batch.revision)


def empty_snapshot(config: ClusterConfig, node: Node) -> Snapshot:
    """A world in which there is only this node."""
    return Snapshot(config, node.name).advance(
        Batch(epoch="", revision=0, changes=(Change(config), Change(node)))
    )


class _Builder:
    """Collects the changes of one batch; copies each mapping when it is first touched."""

    def __init__(self, base: Snapshot) -> None:
        self._base = base
        self._copies: dict[str, Any] = {}
        self._config = base.config
        self._place = base.place
        self._mode = base.mode
        self._dirty_services: set[Key] = set()
        self._topology_changed = False
        self._members = MembersBuilder(base.members)

    def apply(self, change: Change) -> None:
        item = change.object
        match item:
            case ClusterConfig():
                self._config = item
                self._topology_changed = True
            case Node():
                self._put("nodes", item.key, item, deleted=change.deleted)
                self._topology_changed = True
            case Pod():
                self._apply_pod(item, deleted=change.deleted)
            case Service():
                self._put("services", item.key, item, deleted=change.deleted)
                self._dirty_services.add(item.key)
            case EndpointSlice():
                self._apply_slice(item, deleted=change.deleted)
            case Namespace():
                self._put("namespaces", item.key, item, deleted=change.deleted)
            case Policy():
                self._put("all_policies", item.key, item, deleted=change.deleted)
            case _:
                pass  # a Manifest is for those who run pods

    def finish(self) -> Snapshot:
        if self._topology_changed:
            nodes = self._view("nodes")
            self._copies |= _topology(self._config, self._base.node_name, nodes)
            self._look_from(nodes.get(self._base.node_name))
        for key in sorted(self._dirty_services):  # their order is that of a chain that is walked
            self._recompile(key)
        if "frontends" in self._copies or self._mode is not self._base.mode:
            self._copies["rules"] = self._mode.compile(self._view("frontends"))
        self._compile_policies()
        changed: dict[str, Any] = self._copies
        return replace(self._base, config=self._config, mode=self._mode, **changed)

    def _compile_policies(self) -> None:
        members, base = self._members.finish(), self._base
        if members is not base.members:
            self._copies["members"] = members
        world_changed = bool({"members", "namespaces", "nodes"} & self._copies.keys())
        if world_changed or "all_policies" in self._copies or self._config is not base.config:
            world = World(members, self._view("namespaces"), self._view("nodes"))
            every = self._view("all_policies") if self._config.policy.enforced else {}
            in_force = {key: policy for key, policy in every.items() if policy.enforced}
            staged = every if len(in_force) < len(every) else {}
            for name, policies in (("policies", in_force), ("staged", staged)):
                previous = None if world_changed else getattr(base, name)
                self._copies[name] = policy_table(policies, world, previous)

    def _look_from(self, own: Node | None) -> None:
        """The node itself may have changed: where it stands, how it proxies."""
        self._place = _place(self._base.node_name, own)
        if self._place != self._base.place:
            self._dirty_services.update(self._view("services"))
        made = _mode(self._config, own)
        if self._mode != made:
            self._mode = made

    def _apply_pod(self, pod: Pod, *, deleted: bool) -> None:
        previous: Pod | None = self._view("pods").get(pod.key)
        by_ip = self._writable("pods_by_ip")
        if previous is not None:
            for address in previous.ips:
                # The address may already belong to a younger pod.
                if by_ip.get(address.packed) is previous:
                    del by_ip[address.packed]
        self._put("pods", pod.key, pod, deleted=deleted)
        self._members.replace(previous, None if deleted else pod)
        if not deleted and not pod.host_network:
            by_ip.update((address.packed, pod) for address in pod.ips)
        self._lead_host_ports(previous, None if deleted else pod)

    def _lead_host_ports(self, previous: Pod | None, pod: Pod | None) -> None:
        """Who has a port keeps it; when it goes, another pod that claims it takes over."""
        left = set()
        for key, target in _own_host_ports(previous, self._base.node_name):
            if self._view("host_ports").get(key) == target:
                del self._writable("host_ports")[key]
                left.add(key)
        for key, target in _own_host_ports(pod, self._base.node_name):
            if key not in self._view("host_ports"):
                self._writable("host_ports")[key] = target
        for key in left - self._view("host_ports").keys():
            self._lead_to_another(key)

    def _lead_to_another(self, wanted: FrontendKey) -> None:
        for _, pod in sorted(self._view("pods").items()):
            for key, target in _own_host_ports(pod, self._base.node_name):
                if key == wanted:
                    self._writable("host_ports")[key] = target
                    return

    def _apply_slice(self, item: EndpointSlice, *, deleted: bool) -> None:
        previous: EndpointSlice | None = self._view("endpoint_slices").get(item.key)
        owner = None if deleted else item.service_key
        former = previous.service_key if previous is not None else None
        if former != owner:  # seldom: a copy of all owners is saved
            self._disown(former, item.key)
            self._own(owner, item.key)
        self._put("endpoint_slices", item.key, item, deleted=deleted)
        self._dirty_services.update(key for key in (former, owner) if key is not None)

    def _own(self, service: Key | None, slice_key: Key) -> None:
        if service is not None:
            owners = self._writable("slices_by_service")
            owners[service] = owners.get(service, frozenset()) | {slice_key}

    def _disown(self, service: Key | None, slice_key: Key) -> None:
        if service is None:
            return
        owners = self._writable("slices_by_service")
        remaining = owners[service] - {slice_key}
        if remaining:
            owners[service] = remaining
        else:
            del owners[service]

    def _recompile(self, key: Key) -> None:
        previous: Service | None = self._base.services.get(key)
        service: Service | None = self._view("services").get(key)
        if previous is not None and previous is not service:
            self._forget(previous)
        if service is None:
            return
        slices = self._view("endpoint_slices")
        owned = sorted(self._view("slices_by_service").get(key, ()))
        owned_slices = [slices[name] for name in owned]
        for frontend in compile_frontends(service, owned_slices, self._place):
            self._claim(frontend)
        if previous is not service:
            addresses = self._writable("service_addresses")
            addresses.update((address.packed, key) for address in service.cluster_ips)

    def _forget(self, service: Service) -> None:
        addresses = self._writable("service_addresses")
        for frontend in compile_frontends(service, (), self._place):
            self._settle(frontend.key, self._others(frontend))
        for address in service.cluster_ips:
            if addresses.get(address.packed) == service.key:
                del addresses[address.packed]

    def _claim(self, frontend: Frontend) -> None:
        self._settle(frontend.key, [*self._others(frontend), frontend])

    def _others(self, frontend: Frontend) -> list[Frontend]:
        """What other Services have at the place of this frontend."""
        known: Frontend | None = self._view("frontends").get(frontend.key)
        claims = self._view("contested").get(frontend.key, () if known is None else (known,))
        return [claim for claim in claims if claim.service.key != frontend.service.key]

    def _settle(self, key: FrontendKey, claims: list[Frontend]) -> None:
        """Among those who claim a frontend, the first by name has it."""
        claims.sort(key=lambda claim: claim.service.key)
        frontends = self._writable("frontends")
        if claims:
            frontends[key] = claims[0]
        else:
            frontends.pop(key, None)
        if len(claims) > 1:
            self._writable("contested")[key] = tuple(claims)
        elif key in self._view("contested"):
            del self._writable("contested")[key]

    def _put(self, name: str, key: Any, value: NetworkObject, *, deleted: bool) -> None:
        mapping = self._writable(name)
        if deleted:
            mapping.pop(key, None)
        else:
            mapping[key] = value

    def _view(self, name: str) -> Mapping[Any, Any]:
        copy = self._copies.get(name)
        found: Mapping[Any, Any] = copy if copy is not None else getattr(self._base, name)
        return found

    def _writable(self, name: str) -> dict[Any, Any]:
        copy: dict[Any, Any] | None = self._copies.get(name)
        if copy is None:
            copy = self._copies[name] = dict(getattr(self._base, name))
        return copy


def _topology(config: ClusterConfig, node_name: str, nodes: Mapping[str, Node]) -> dict[str, Any]:
    """What follows from the nodes: routes, gateways, who has which underlay address."""
    own = nodes.get(node_name)
    return {
        "routes": RouteTable(_routes(config, node_name, nodes.values())),
        "gateways": tuple(cidr[1].packed for cidr in own.pod_cidrs) if own else (),
        "node_addresses": tuple(a.packed for a in own.underlay_addresses) if own else (),
        "nodes_by_underlay": {
            address.packed: node for node in nodes.values() for address in node.underlay_addresses
        },
        "nodes_by_address": {
            address.packed: node
            for node in nodes.values()
            for address in (*node.underlay_addresses, *(cidr[1] for cidr in node.pod_cidrs))
        },
    }


def _own_host_ports(
    pod: Pod | None, node_name: str
) -> Iterator[tuple[FrontendKey, HostPortTarget]]:
    if pod is not None and pod.host_ports and pod.node_name == node_name:
        yield from host_port_targets(pod)


def _place(name: str, own: Node | None) -> Place:
    return Place(name, own.labels.get(ZONE_LABEL, "") if own else "")


def _mode(config: ClusterConfig, own: Node | None) -> ProxyMode:
    """The node's own by its label, else the cluster's."""
    wanted = own.labels.get(PROXY_MODE_LABEL, "") if own else ""
    name = wanted if wanted in PROXY_MODES else config.proxy_mode
    return proxy_mode(name, config.ipvs_scheduler, config.lb_algorithm)


def _routes(
    config: ClusterConfig, node_name: str, nodes: Iterable[Node]
) -> Iterator[Route[Destination]]:
    for cidr in config.pod_cidrs:
        yield Route(cidr, Unallocated())
    for cidr in config.service_cidrs:
        yield Route(cidr, ServiceRange())
    for node in nodes:
        for cidr in node.pod_cidrs:
            target: Destination = LocalPods() if node.name == node_name else RemotePods(node)
            yield Route(cidr, target)
