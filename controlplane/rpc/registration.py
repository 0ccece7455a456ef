"""Joins nodes, DNS servers and load balancers, and hears their heartbeats."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import grpc

from controlplane.api.errors import StatusError
from controlplane.controllers.heartbeats import INTERVAL_S, Role
from controlplane.rpc import joining
from controlplane.rpc.joining import Applicant, NameTaken, choose_node
from controlplane.rpc.netstate import cluster_config
from controlplane.rpc.refusal import Refusal
from netcore.manifest.nodes import node_state
from netcore.model.errors import ConfigError
from protos.convert import config_to_pb, node_to_pb
from protos.gen.v1 import controlplane_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controlplane.api.client import Client
    from controlplane.config import ClusterSettings
    from controlplane.controllers.heartbeats import Heartbeats
    from controlplane.controllers.run import Shared

Object = dict[str, Any]
_STARTING = "the agent has joined and is starting"
_MAX_INSTANCE_ID = 253
_SERVERS: dict[int, Role] = {
    pb.ROLE_DNS: "dns",
    pb.ROLE_LOAD_BALANCER: "load-balancer",
}
"""Members that are no nodes: nothing but their heartbeats is known of them."""

_NAMES: dict[Role, str] = {"dns": "coredns", "load-balancer": "cloudlb"}


def parse_applicant(request: pb.RegisterRequest, versions: Sequence[int] = (4,)) -> Applicant:
    """The checked request to join a cluster of these IP versions.

    Raises ConfigError naming the bad field.
    """
    instance_id = request.instance_id
    if not instance_id or len(instance_id) > _MAX_INSTANCE_ID:
        raise ConfigError(f"instance_id: 1 to {_MAX_INSTANCE_ID} characters are required")
    is_node = request.role == pb.ROLE_NODE
    if is_node and not 1 <= request.rpc_port <= 65535:
        raise ConfigError(f"rpc_port: {request.rpc_port} is not a port from 1 to 65535")
    info = request.info
    given = joining.check_addresses(request.underlay_addresses)
    addresses = joining.of_versions(given, versions)
    joining.check_complete(addresses, versions if is_node or not addresses else ())
    return Applicant(
        name=joining.check_name(request.name),
        instance_id=instance_id,
        addresses=addresses,
        rpc_port=request.rpc_port,
        vtep_mac=joining.check_vtep_mac(request.vtep_mac),
        labels=joining.check_labels(dict(request.labels)),
        taints=joining.check_taints(request.taints),
        capabilities=tuple(request.capabilities),
        node_info={
            "os_image": info.os_image,
            "kernel_version": info.kernel_version,
            "agent_version": info.agent_version,
            "architecture": info.architecture or "amd64",
        },
        cpu_count=info.cpu_count,
        memory_bytes=info.memory_bytes,
    )


class Registration:
    """The Register and Heartbeat calls."""

    def __init__(self, client: Client, settings: ClusterSettings, shared: Shared) -> None:
        self._client = client
        self._settings = settings
        self._heartbeats: Heartbeats = shared.heartbeats
        self._pool = shared.pod_cidrs
        self._config = config_to_pb(cluster_config(settings))

    async def register(self, request: pb.RegisterRequest) -> pb.RegisterResponse:
        """Joins a member of the cluster. Raises KubehopError."""
        versions = [cidr.version for cidr in self._settings.pod_cidrs]
        applicant = parse_applicant(request, versions)
        if request.role == pb.ROLE_NODE:
            node = await self._join_node(applicant)
            name = node["metadata"]["name"]
            return self._response(name, node)
        role = _SERVERS.get(request.role)
        if role is None:
            raise ConfigError("role: ROLE_NODE, ROLE_DNS or ROLE_LOAD_BALANCER is required")
        return self._response(self._join_server(role, applicant), None)

    def _response(self, name: str, node: Object | None) -> pb.RegisterResponse:
        return pb.RegisterResponse(
            name=name,
            node=node_to_pb(node_state(node)) if node else None,
            config=self._config,
            heartbeat_interval_ms=int(INTERVAL_S * 1000),
        )

    async def _join_node(self, applicant: Applicant) -> Object:
        async with self._pool.lock:
            nodes, _ = await self._client.list("nodes")
            try:
                name, node = choose_node(
                    applicant, nodes, self._settings.cluster_name, self._node_is_alive
                )
            except NameTaken as error:
                raise Refusal(grpc.StatusCode.ALREADY_EXISTS, str(error)) from error
            if node is None or not (node.get("spec") or {}).get("podCIDR"):
                cidrs = await self._pool.choose()
            else:
                cidrs = node["spec"]["podCIDRs"]
            if node is None:
                made = joining.new_node(applicant, name, cidrs)
                stored = await self._client.create("nodes", made)
            else:
                stored = await self._rejoin(applicant, name, cidrs)
        self._note_arrival("node", name, applicant)
        return stored

    async def _rejoin(self, applicant: Applicant, name: str, cidrs: list[str]) -> Object:
        """Only the agent's own labels and annotations change: others may be a user's."""

        def change(current: Object) -> None:
            about = current["metadata"]
            about.setdefault("labels", {}).update(joining.labels_of(applicant, name))
            about.setdefault("annotations", {}).update(joining.annotations_of(applicant))
            if not current["spec"].get("podCIDR"):
                current["spec"].update(podCIDR=cidrs[0], podCIDRs=cidrs)

        def describe(current: Object) -> None:
            status = current.get("status") or {}
            current["status"] = joining.status_of(applicant, name, status)

        await self._client.patch("nodes", name, change)
        return await self._client.patch("nodes", name, describe, subresource="status")

    def _node_is_alive(self, name: str) -> bool:
        return self._heartbeats.is_alive("node", name)

    def _note_arrival(self, role: Role, name: str, applicant: Applicant) -> None:
        """An instance that comes back while it counts as alive keeps its readiness."""
        beats = self._heartbeats
        last = beats.last(role, name)
        same = last is not None and last.instance_id == applicant.instance_id
        if last is not None and same and beats.is_alive(role, name):
            ready, message = last.ready, last.message
        elif last is None and role == "node" and beats.age_s < beats.grace_s:
            # The control plane itself has just started: the first heartbeat will tell.
            return
        else:
            ready, message = False, _STARTING
        beats.beat(
            role,
            name,
            applicant.instance_id,
            ready=ready,
            message=message,
            addresses=applicant.addresses,
        )

    def _join_server(self, role: Role, applicant: Applicant) -> str:
        name = applicant.name or _server_name(role, applicant.instance_id)
        last = self._heartbeats.last(role, name)
        foreign = last is not None and last.instance_id != applicant.instance_id
        if foreign and self._heartbeats.is_alive(role, name):
            message = f"the name {name} is taken by another live {role} server: choose another"
            raise Refusal(grpc.StatusCode.ALREADY_EXISTS, message)
        self._note_arrival(role, name, applicant)
        return name

    async def heartbeat(self, request: pb.HeartbeatRequest) -> pb.HeartbeatResponse:
        """Notes a sign of life. Raises Refusal NOT_FOUND when it has to register again."""
        if not request.name or not request.instance_id:
            raise ConfigError("name and instance_id: required")
        role = _SERVERS.get(request.role, "node")
        if role == "node":
            owner = await self._owner_of_node(request.name)
        else:
            last = self._heartbeats.last(role, request.name)
            owner = last.instance_id if last else ""
        if owner != request.instance_id:
            message = f"{request.name} is not registered for this instance: register again"
            raise Refusal(grpc.StatusCode.NOT_FOUND, message)
        self._heartbeats.beat(
            role,
            request.name,
            request.instance_id,
            ready=request.ready,
            message=request.message,
            applied_revision=request.applied_revision,
        )
        return pb.HeartbeatResponse()

    async def _owner_of_node(self, name: str) -> str:
        try:
            return joining.instance_of(await self._client.get("nodes", name))
        except StatusError as error:
            if error.reason != "NotFound":
                raise
            return ""


def _server_name(role: Role, instance_id: str) -> str:
    """A name out of the instance's id, which may hold anything."""
    tail = re.sub(r"[^a-z0-9]+", "-", instance_id.lower()).strip("-")[:50]
    return f"{_NAMES[role]}-{tail}".rstrip("-")
