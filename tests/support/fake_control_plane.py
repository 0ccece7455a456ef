"""The part of a control plane that watchers see, in process, over real gRPC."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc.aio

from netcore.model.change import Batch
from netcore.model.config import ClusterConfig
from protos.convert import batch_to_pb, config_to_pb
from protos.gen.v1 import controlplane_pb2 as pb
from protos.gen.v1.controlplane_pb2_grpc import (
    ControlPlaneServicer,
    add_ControlPlaneServicer_to_server,
)

CONFIG = ClusterConfig("test", (), (), (), cluster_domain="corp.internal")


@dataclass
class FakeControlPlane(ControlPlaneServicer):
    """Sends what is put in `batches`; a None there ends the stream. Records all requests."""

    batches: asyncio.Queue[Batch | None] = field(default_factory=asyncio.Queue)
    registrations: asyncio.Queue[pb.RegisterRequest] = field(default_factory=asyncio.Queue)
    heartbeats: asyncio.Queue[pb.HeartbeatRequest] = field(default_factory=asyncio.Queue)
    watches: asyncio.Queue[pb.WatchRequest] = field(default_factory=asyncio.Queue)
    forgets_names: bool = False
    heartbeat_interval_ms: int = 5
    target: str = ""

    async def Register(self, request, context):
        self.registrations.put_nowait(request)
        if request.instance_id == "unwanted":
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "instance_id: unwanted")
        return pb.RegisterResponse(
            name=request.name or "dns",
            config=config_to_pb(CONFIG),
            heartbeat_interval_ms=self.heartbeat_interval_ms,
        )

    async def Heartbeat(self, request, context):
        self.heartbeats.put_nowait(request)
        if self.forgets_names:
            self.forgets_names = False
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such DNS server")
        return pb.HeartbeatResponse()

    async def Watch(self, request, context):
        self.watches.put_nowait(request)
        while (batch := await self.batches.get()) is not None:
            yield batch_to_pb(batch)


@asynccontextmanager
async def running_control_plane(target: str) -> AsyncIterator[FakeControlPlane]:
    """Serves at `target` ("127.0.0.1:0" or "unix:/path"); `.target` says where."""
    control_plane = FakeControlPlane()
    server = grpc.aio.server()
    add_ControlPlaneServicer_to_server(control_plane, server)
    port = server.add_insecure_port(target)
    control_plane.target = target if target.startswith("unix:") else f"127.0.0.1:{port}"
    await server.start()
    try:
        yield control_plane
    finally:
        await server.stop(None)
