"""The ControlPlane gRPC service: who joins, who lives, what the network looks like now."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from controlplane.rpc.load_balancers import report_load_balancer
from controlplane.rpc.netstate import cluster_config
from controlplane.rpc.refusal import code_of
from controlplane.rpc.registration import Registration
from controlplane.rpc.reporting import Reporting
from controlplane.rpc.statestream import StateStream
from controlplane.store.errors import Expired
from netcore.model.errors import KubehopError
from protos.convert import batch_to_pb
from protos.gen.v1 import controlplane_pb2 as pb
from protos.gen.v1 import controlplane_pb2_grpc as pb_grpc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence

    from controlplane.api.client import Client
    from controlplane.config import ClusterSettings
    from controlplane.controllers.run import Shared
    from controlplane.rpc.listen import ListenAddr
    from controlplane.rpc.pod_tokens import PodTokens
    from controlplane.store.base import Store
    from netcore.model.change import Batch
    from protos.gen.v1.network_pb2 import Change

R = TypeVar("R")
T = TypeVar("T")
SERVICE = pb.DESCRIPTOR.services_by_name["ControlPlane"].full_name
_PREFIXES = {
    pb.TOPIC_NODES: ("/registry/core/nodes/",),
    pb.TOPIC_PODS: ("/registry/core/pods/",),
    pb.TOPIC_SERVICES: ("/registry/core/services/",),
    pb.TOPIC_ENDPOINT_SLICES: ("/registry/discovery.k8s.io/endpointslices/",),
    pb.TOPIC_NAMESPACES: ("/registry/core/namespaces/",),
    pb.TOPIC_INGRESSES: ("/registry/networking.k8s.io/ingresses/",),
    pb.TOPIC_POLICIES: (
        "/registry/networking.k8s.io/networkpolicies/",
        "/registry/policy.networking.k8s.io/adminnetworkpolicies/",
        "/registry/policy.networking.k8s.io/baselineadminnetworkpolicies/",
    ),
}
_MAX_MESSAGE_BYTES = 64 * 1024 * 1024
_BATCH_BYTES = 16 * 1024 * 1024
_OPTIONS = (
    # Two control planes on one port would each get some of the calls.
    ("grpc.so_reuseport", 0),
    ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
    # Agents ping to notice a vanished peer; gRPC's default forbids more than one per 5 minutes.
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
)
_STOP_GRACE_S = 0.5
log = logging.getLogger(__name__)


class ControlPlaneService(pb_grpc.ControlPlaneServicer):
    """Translates between gRPC and the parts that do the work."""

    def __init__(
        self,
        client: Client,
        store: Store,
        settings: ClusterSettings,
        shared: Shared,
        tokens: PodTokens | None = None,
    ) -> None:
        self._client = client
        self._tokens = tokens
        self._store = store
        self._config = cluster_config(settings)
        self._registration = Registration(client, settings, shared)
        self._reporting = Reporting(client, shared)

    async def Register(
        self,
        request: pb.RegisterRequest,
        context: grpc.aio.ServicerContext[pb.RegisterRequest, pb.RegisterResponse],
    ) -> pb.RegisterResponse:
        return await _answer(self._registration.register(request), context)

    async def Heartbeat(
        self,
        request: pb.HeartbeatRequest,
        context: grpc.aio.ServicerContext[pb.HeartbeatRequest, pb.HeartbeatResponse],
    ) -> pb.HeartbeatResponse:
        return await _answer(self._registration.heartbeat(request), context)

    async def ReportStatus(
        self,
        request: pb.ReportStatusRequest,
        context: grpc.aio.ServicerContext[pb.ReportStatusRequest, pb.ReportStatusResponse],
    ) -> pb.ReportStatusResponse:
        return await _answer(self._reporting.report_status(request), context)

    async def ReportEvent(
        self,
        request: pb.ReportEventRequest,
        context: grpc.aio.ServicerContext[pb.ReportEventRequest, pb.ReportEventResponse],
    ) -> pb.ReportEventResponse:
        return await _answer(self._reporting.report_event(request), context)

    async def ReportLoadBalancer(
        self,
        request: pb.ReportLoadBalancerRequest,
        context: grpc.aio.ServicerContext[
            pb.ReportLoadBalancerRequest, pb.ReportLoadBalancerResponse
        ],
    ) -> pb.ReportLoadBalancerResponse:
        return await _answer(report_load_balancer(self._client, request), context)

    async def Watch(
        self,
        request: pb.WatchRequest,
        context: grpc.aio.ServicerContext[pb.WatchRequest, pb.WatchBatch],
    ) -> AsyncIterator[pb.WatchBatch]:
        topics = frozenset(request.topics)
        prefixes = frozenset(prefix for topic in topics for prefix in _PREFIXES.get(topic, ()))
        with_manifests = pb.TOPIC_MANIFESTS in topics
        if with_manifests and not request.node_name:
            message = "node_name: required for TOPIC_MANIFESTS"
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, message)
        node_name = request.node_name if with_manifests else ""
        stream = StateStream(self._store, self._config, prefixes, node_name, self._tokens)
        try:
            async for batch in stream.batches(request.epoch, request.since_revision):
                for message_pb in encode_batch(batch):
                    yield message_pb
        except Expired:
            log.info("watcher %s did not keep up and has to start again", request.client_name)
            message = "the watcher did not keep up: watch again for a new snapshot"
            await context.abort(grpc.StatusCode.OUT_OF_RANGE, message)


def encode_batch(batch: Batch) -> Iterator[pb.WatchBatch]:
    """The batch as messages: one, unless it is so large that it has to be cut.

    Of several only the first resets, and only the last names the revision (whoever breaks off
    in between has to start again) and says that the receiver is up to date.
    """
    whole = batch_to_pb(batch)
    if whole.ByteSize() <= _BATCH_BYTES:
        yield whole
        return
    for start, end, last in _cuts(whole.changes):
        yield pb.WatchBatch(
            epoch=whole.epoch,
            revision=whole.revision if last else 0,
            reset=whole.reset and start == 0,
            synced=whole.synced and last,
            changes=whole.changes[start:end],
        )


def _cuts(changes: Sequence[Change]) -> Iterator[tuple[int, int, bool]]:
    start, size = 0, 0
    for index, change in enumerate(changes):
        length = change.ByteSize()
        if size and size + length > _BATCH_BYTES:
            yield start, index, False
            start, size = index, 0
        size += length
    yield start, len(changes), True


async def _answer(call: Awaitable[T], context: grpc.aio.ServicerContext[R, T]) -> T:
    """The result, or the error as a gRPC status: one clear line, never a traceback."""
    try:
        return await call
    except KubehopError as error:
        await context.abort(code_of(error), str(error))
        raise AssertionError("abort raises") from error


class RpcServer:
    """A serving ControlPlane service. `ports` are the TCP ports, in the order of the listens."""

    def __init__(self, server: grpc.aio.Server, ports: tuple[int, ...]) -> None:
        self._server = server
        self.ports = ports

    async def stop(self) -> None:
        """Ends all streams; calls in progress have half a second."""
        await self._server.stop(_STOP_GRACE_S)


async def serve_rpc(
    client: Client,
    store: Store,
    settings: ClusterSettings,
    shared: Shared,
    listens: Sequence[ListenAddr],
    tokens: PodTokens | None = None,
) -> RpcServer:
    """Serves until `stop`. Raises KubehopError when an address cannot be listened on.

    Without `tokens` the volumes of pods have none.
    """
    server = grpc.aio.server(options=_OPTIONS)
    service = ControlPlaneService(client, store, settings, shared, tokens)
    pb_grpc.add_ControlPlaneServicer_to_server(service, server)
    checks = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    names = (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
    reflection.enable_server_reflection(names, server)
    ports = tuple(_bind(server, listen) for listen in listens)
    await server.start()
    for name in ("", SERVICE):
        await checks.set(name, health_pb2.HealthCheckResponse.SERVING)
    return RpcServer(server, tuple(port for port in ports if port > 1))


def _bind(server: grpc.aio.Server, listen: ListenAddr) -> int:
    try:
        port = server.add_insecure_port(listen.target)
    except RuntimeError as error:
        port, cause = 0, error
    else:
        cause = RuntimeError("refused")
    if not port:
        raise KubehopError(
            f"--rpc-listen: cannot listen on {listen.target}: the address is taken, not this "
            "machine's, or not permitted"
        ) from cause
    return port
