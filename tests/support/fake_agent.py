"""A NodeAgent that a test scripts, served by a real gRPC server on loopback."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from protos.gen.v1 import nodeagent_pb2 as pb
from protos.gen.v1 import nodeagent_pb2_grpc as pb_grpc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@dataclass
class FakeAgent(pb_grpc.NodeAgentServicer):
    """Answers with what the test put here, and keeps what it was asked."""

    node: str = "worker"
    outputs: list[pb.ExecResponse] = field(default_factory=list)
    echo: bool = False
    """Whether Exec sends stdin back until it is closed."""
    hang: bool = False
    """Whether Exec and Logs go on for ever after their outputs."""
    log: list[bytes] = field(default_factory=list)
    packets: list[pb.TracedPacket] = field(default_factory=list)
    """What a live trace sees once a command was run on any agent that shares `fetched`."""
    fetched: asyncio.Event = field(default_factory=asyncio.Event)
    refusal: tuple[grpc.StatusCode, str] | None = None
    trace_refusal: tuple[grpc.StatusCode, str] | None = None
    requests: list[Any] = field(default_factory=list)
    captured: list[pb.CaptureResponse] = field(default_factory=list)
    """What a capture sees; then it waits, or ends when `capture_ends`."""
    capture_ends: bool = False
    capture_refusal: tuple[grpc.StatusCode, str] | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when an Exec, Logs or Capture call is over, also when it was cancelled."""

    async def Exec(self, request_iterator: Any, context: Any) -> AsyncIterator[pb.ExecResponse]:
        try:
            start = await anext(request_iterator)
            self.requests.append(start.start)
            await self._refuse(context)
            self.fetched.set()
            for output in self.outputs:
                yield output
            if self.echo:
                async for request in request_iterator:
                    self.requests.append(request)
                    if request.WhichOneof("message") == "stdin":
                        yield pb.ExecResponse(stdout=request.stdin)
                    elif request.WhichOneof("message") == "stdin_closed":
                        yield pb.ExecResponse(exit=pb.ExecExit(code=0))
                        return
            if self.hang:
                await asyncio.Event().wait()
        finally:
            self.ended.set()

    async def Send(self, request: Any, context: Any) -> pb.SendResponse:
        self.requests.append(request)
        await self._refuse(context)
        self.fetched.set()
        said = b"".join(output.stdout for output in self.outputs)
        return pb.SendResponse(code=0, stdout=said)

    async def Logs(self, request: Any, context: Any) -> AsyncIterator[pb.LogsResponse]:
        try:
            self.requests.append(request)
            await self._refuse(context)
            for data in self.log:
                yield pb.LogsResponse(data=data)
            if self.hang:
                await asyncio.Event().wait()
        finally:
            self.ended.set()

    async def Dump(self, request: Any, context: Any) -> pb.DumpResponse:
        self.requests.append(request)
        await self._refuse(context)
        row = pb.DumpRow(cells=["10.96.0.1", "443"])
        table = pb.DumpTable(name="services", columns=["ip", "port"], rows=[row])
        listing = pb.DumpListing(command="ipvsadm -Ln", text="IP Virtual Server\n")
        return pb.DumpResponse(revision=7, tables=[table], listings=[listing])

    async def Trace(self, request: Any, context: Any) -> AsyncIterator[pb.TracedPacket]:
        self.requests.append(request)
        if self.trace_refusal is not None:
            await context.abort(*self.trace_refusal)
        if request.WhichOneof("what") == "probe":
            for packet in self.packets:
                yield packet
            return
        yield pb.TracedPacket(node=self.node, started=True)
        await self.fetched.wait()
        for packet in self.packets:
            yield packet
        await asyncio.Event().wait()

    async def Metrics(self, request: Any, context: Any) -> pb.MetricsResponse:
        await self._refuse(context)
        return pb.MetricsResponse(text=f"# of {self.node}\n".encode())

    async def Capture(self, request: Any, context: Any) -> AsyncIterator[pb.CaptureResponse]:
        try:
            self.requests.append(request)
            if self.capture_refusal is not None:
                await context.abort(*self.capture_refusal)
            yield pb.CaptureResponse(started=True, vxlan_port=4789)
            for response in self.captured:
                yield response
            if not self.capture_ends:
                await asyncio.Event().wait()
        finally:
            self.ended.set()

    async def _refuse(self, context: Any) -> None:
        if self.refusal is not None:
            await context.abort(*self.refusal)


@asynccontextmanager
async def serve_agent(agent: FakeAgent) -> AsyncIterator[str]:
    """Its address while it serves."""
    server = grpc.aio.server()
    pb_grpc.add_NodeAgentServicer_to_server(agent, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(0)


class FakeReader:
    """Objects by resource and name."""

    def __init__(self, **objects: list[dict[str, Any]]) -> None:
        self.objects = objects

    async def get(self, resource: str, name: str, namespace: str | None = None) -> dict[str, Any]:
        from controlplane.api.errors import not_found

        for obj in self.objects.get(resource, ()):
            if obj["metadata"]["name"] == name:
                return obj
        raise not_found(resource, name)

    async def list(
        self,
        resource: str,
        namespace: str | None = None,
        label_selector: str | None = None,
        field_selector: str | None = None,
    ) -> tuple[list[dict[str, Any]], str]:
        return self.objects.get(resource, []), "1"


def node(name: str, address: str, *, ready: bool = True, ip: str = "") -> dict[str, Any]:
    """A Node with an agent."""
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    return {
        "metadata": {"name": name, "annotations": {"kubehop.dev/agent-address": address}},
        "status": {
            "conditions": conditions,
            "addresses": [{"type": "InternalIP", "address": ip}] if ip else [],
        },
    }


def pod(name: str = "web", node_name: str = "worker", *containers: str) -> dict[str, Any]:
    """A running Pod."""
    names = containers or ("c",)
    return {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"nodeName": node_name, "containers": [{"name": found} for found in names]},
        "status": {"phase": "Running", "podIPs": [{"ip": "10.244.1.2"}]},
    }
