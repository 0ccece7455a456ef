"""A cluster's policies and whom they are about, read from its API."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kubehop.kubernetes.client import ApiError
from netcore.manifest.endpoint_slices import endpoint_slice_state
from netcore.manifest.namespaces import namespace_state
from netcore.manifest.nodes import node_state
from netcore.manifest.pods import pod_state
from netcore.manifest.policies import admin_network_policy, network_policy
from netcore.manifest.services import service_state
from netcore.model.change import Batch, Change
from netcore.model.config import ClusterConfig
from netcore.model.errors import ConfigError
from netcore.model.policy import PolicyKind
from netcore.model.policy_settings import PolicySettings
from netcore.pipeline.snapshot import Snapshot
from netcore.policy.presets import SETTINGS_NAME, preset, with_choices

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Set

    from kubehop.kubernetes.client import ApiClient
    from netcore.model.change import NetworkObject
    from netcore.model.policy import Policy

Object = dict[str, Any]
_ADMIN_GROUP = "/apis/policy.networking.k8s.io/v1alpha1"
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class World:
    """What verdicts follow from. The lists are of manifests."""

    snapshot: Snapshot
    services: tuple[Object, ...]
    network_policies: tuple[Object, ...] = ()

    def seen_from(self, node_name: str) -> Snapshot:
        """The picture that the node judges by."""
        node = self.snapshot.nodes.get(node_name)
        own = () if node is None else tuple(a.packed for a in node.underlay_addresses)
        gateways = () if node is None else tuple(cidr[1].packed for cidr in node.pod_cidrs)
        return replace(self.snapshot, node_name=node_name, node_addresses=own, gateways=gateways)


def read_world(client: ApiClient) -> World:
    """The cluster as it is now. Raises ApiError, ApiUnreachable."""
    listed = _items(client, "/apis/networking.k8s.io/v1/networkpolicies")
    policies = [{**each, "kind": "NetworkPolicy"} for each in listed]  # a list's items say no kind
    services = _items(client, "/api/v1/services")
    slices = _items(client, "/apis/discovery.k8s.io/v1/endpointslices")
    config = ClusterConfig("", (), (), (), policy=read_settings(client))
    objects: list[NetworkObject] = [
        *map(namespace_state, _items(client, "/api/v1/namespaces")),
        *map(node_state, _items(client, "/api/v1/nodes")),
        *(pod for pod in map(pod_state, _items(client, "/api/v1/pods")) if pod is not None),
        *map(network_policy, policies),
        *_admin_policies(client),
        *map(service_state, services),
        *(each for each in map(endpoint_slice_state, slices) if each is not None),
    ]
    return World(_snapshot(config, objects), tuple(services), tuple(policies))


def with_policies(world: World, manifests: Iterable[Object]) -> World:
    """The same world with these policies of any kind beside its own, or in the place of those
    that have their names.
    """
    changes = tuple(Change(policy_of(each)) for each in manifests)
    return replace(world, snapshot=world.snapshot.advance(Batch("", 0, changes)))


def policy_of(manifest: Object) -> Policy:
    """Raises ConfigError when the manifest is of no kind of policy."""
    match manifest["kind"]:
        case "NetworkPolicy":
            return network_policy(manifest)
        case "AdminNetworkPolicy":
            return admin_network_policy(manifest, PolicyKind.ADMIN)
        case "BaselineAdminNetworkPolicy":
            return admin_network_policy(manifest, PolicyKind.BASELINE)
    raise ConfigError(f"{manifest['kind']} {manifest['metadata']['name']} is no network policy")


def with_network_policies(world: World, manifests: Iterable[Object]) -> World:
    """The same world with these NetworkPolicies in the place of its own."""
    return with_policies_alone(world, manifests, {PolicyKind.NETWORK})


def with_policies_alone(world: World, manifests: Iterable[Object], kinds: Set[PolicyKind]) -> World:
    """The same world with these policies, which are of these kinds, in the place of its own of
    these kinds.
    """
    present = world.snapshot.all_policies.values()
    gone = [Change(each, deleted=True) for each in present if each.kind in kinds]
    policies = tuple(manifests)
    new = (Change(policy_of(each)) for each in policies)
    snapshot = world.snapshot.advance(Batch("", 0, (*gone, *new)))
    network = tuple(each for each in policies if each["kind"] == PolicyKind.NETWORK.value)
    return replace(world, snapshot=snapshot, network_policies=network)


def read_settings(client: ApiClient) -> PolicySettings:
    """The cluster's choices; kubehop's own where a cluster of another kind has none."""
    try:
        path = f"/api/v1/namespaces/kube-system/configmaps/{SETTINGS_NAME}"
        data = client.get(path).get("data") or {}
    except ApiError as error:
        if error.code != _NOT_FOUND:
            raise
        return PolicySettings()
    return with_choices(preset(data["cni"]), data["policy"].split())


def _admin_policies(client: ApiClient) -> Iterator[Policy]:
    for plural, kind in (
        ("adminnetworkpolicies", PolicyKind.ADMIN),
        ("baselineadminnetworkpolicies", PolicyKind.BASELINE),
    ):
        for item in _items(client, f"{_ADMIN_GROUP}/{plural}", optional=True):
            yield admin_network_policy(item, kind)


def _items(client: ApiClient, path: str, *, optional: bool = False) -> list[Object]:
    try:
        return list(client.get(path)["items"])
    except ApiError as error:
        if optional and error.code == _NOT_FOUND:
            return []
        raise


def _snapshot(config: ClusterConfig, objects: Iterable[NetworkObject]) -> Snapshot:
    return Snapshot(config, "").advance(Batch("", 0, tuple(map(Change, (config, *objects)))))
