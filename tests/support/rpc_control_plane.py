"""A control plane as agents see it: in process, over real gRPC, with outages at will."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc.aio

from netcore.model.change import Batch
from protos.convert import batch_to_pb, config_to_pb, node_to_pb
from protos.gen.v1 import controlplane_pb2 as pb
from protos.gen.v1.controlplane_pb2_grpc import (
    ControlPlaneServicer,
    add_ControlPlaneServicer_to_server,
)
from tests.support.cluster import CONFIG, node


@dataclass
class RecordingControlPlane(ControlPlaneServicer):
    """Records what it is told. `refusals` are given, one a call, before it serves again.

    A None in `batches` ends a watch as the server would; an Exception breaks it.
    """

    refusals: list[grpc.StatusCode] = field(default_factory=list)
    batches: asyncio.Queue[Batch | Exception | None] = field(default_factory=asyncio.Queue)
    registrations: list[pb.RegisterRequest] = field(default_factory=list)
    watches: list[pb.WatchRequest] = field(default_factory=list)
    heartbeats: list[pb.HeartbeatRequest] = field(default_factory=list)
    statuses: list[pb.PodStatus] = field(default_factory=list)
    events: list[pb.ReportEventRequest] = field(default_factory=list)

    async def _refuse(self, context) -> None:
        if self.refusals:
            await context.abort(self.refusals.pop(0), "not today")

    async def Register(self, request, context):
        self.registrations.append(request)
        await self._refuse(context)
        return pb.RegisterResponse(
            name=request.name or "kubehop-worker",
            node=node_to_pb(node(1)),
            config=config_to_pb(CONFIG),
            heartbeat_interval_ms=250,
        )

    async def Watch(self, request, context):
        self.watches.append(request)
        while (batch := await self.batches.get()) is not None:
            if isinstance(batch, Exception):
                await context.abort(grpc.StatusCode.UNAVAILABLE, str(batch))
            yield batch_to_pb(batch)

    async def Heartbeat(self, request, context):
        self.heartbeats.append(request)
        await self._refuse(context)
        return pb.HeartbeatResponse()

    async def ReportStatus(self, request, context):
        await self._refuse(context)
        self.statuses.extend(request.pods)
        return pb.ReportStatusResponse()

    async def ReportEvent(self, request, context):
        await self._refuse(context)
        self.events.append(request)
        return pb.ReportEventResponse()


@asynccontextmanager
async def serving(control_plane: RecordingControlPlane, target: str) -> AsyncIterator[None]:
    """Serves at `target`, e.g. a unix socket; a later server may take the same target."""
    server = grpc.aio.server()
    add_ControlPlaneServicer_to_server(control_plane, server)
    server.add_insecure_port(target)
    await server.start()
    try:
        yield
    finally:
        await server.stop(None)
