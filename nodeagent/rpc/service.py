"""The gRPC server of an agent: NodeAgent, health and reflection."""

from collections.abc import AsyncIterator, Callable

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from netcore.model.errors import ConfigError
from nodeagent.agent import Agent
from nodeagent.pods.kubelet import Kubelet
from nodeagent.rpc.capture import Captures
from nodeagent.rpc.dump import dump
from nodeagent.rpc.exec import exec_stream
from nodeagent.rpc.flows import FlowReaders
from nodeagent.rpc.logs import logs_stream
from nodeagent.rpc.send import Sends
from nodeagent.rpc.trace import Traces
from protos.gen.v1 import nodeagent_pb2 as pb
from protos.gen.v1 import nodeagent_pb2_grpc as pb_grpc

SERVICE_NAME = pb.DESCRIPTOR.services_by_name["NodeAgent"].full_name
_MAX_CONCURRENT_CALLS = 1000


class NodeAgentService(pb_grpc.NodeAgentServicer):
    """Hands each call to the part of the node that it is about."""

    def __init__(
        self,
        agent: Agent,
        kubelet: Kubelet,
        metrics: Callable[[], bytes],
        *,
        flow_payloads: bool = False,
    ) -> None:
        """`flow_payloads`: DNS and HTTP flows are kept also when nobody asks for them."""
        self._agent = agent
        self._kubelet = kubelet
        self._traces = Traces(agent)
        self._captures = Captures(agent)
        self._metrics = metrics
        self._flow_readers = FlowReaders(agent, payloads=flow_payloads)
        self._sends = Sends()

    async def Exec(
        self,
        request_iterator: AsyncIterator[pb.ExecRequest],
        context: grpc.aio.ServicerContext[pb.ExecRequest, pb.ExecResponse],
    ) -> AsyncIterator[pb.ExecResponse]:
        async for response in exec_stream(self._kubelet, request_iterator, context):
            yield response

    async def Logs(
        self,
        request: pb.LogsRequest,
        context: grpc.aio.ServicerContext[pb.LogsRequest, pb.LogsResponse],
    ) -> AsyncIterator[pb.LogsResponse]:
        async for response in logs_stream(self._kubelet, request, context):
            yield response

    async def Dump(
        self,
        request: pb.DumpRequest,
        context: grpc.aio.ServicerContext[pb.DumpRequest, pb.DumpResponse],
    ) -> pb.DumpResponse:
        try:
            return await dump(self._agent, tuple(request.tables))
        except LookupError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error.args[0]))

    async def Trace(
        self,
        request: pb.TraceRequest,
        context: grpc.aio.ServicerContext[pb.TraceRequest, pb.TracedPacket],
    ) -> AsyncIterator[pb.TracedPacket]:
        async for response in self._traces.stream(request, context):
            yield response

    async def Capture(
        self,
        request: pb.CaptureRequest,
        context: grpc.aio.ServicerContext[pb.CaptureRequest, pb.CaptureResponse],
    ) -> AsyncIterator[pb.CaptureResponse]:
        async for response in self._captures.stream(request, context):
            yield response

    async def Metrics(
        self,
        request: pb.MetricsRequest,
        context: grpc.aio.ServicerContext[pb.MetricsRequest, pb.MetricsResponse],
    ) -> pb.MetricsResponse:
        return pb.MetricsResponse(text=self._metrics())

    async def Flows(
        self,
        request: pb.FlowsRequest,
        context: grpc.aio.ServicerContext[pb.FlowsRequest, pb.FlowBatch],
    ) -> AsyncIterator[pb.FlowBatch]:
        async for batch in self._flow_readers.stream(request, context):
            yield batch

    async def Send(
        self,
        request: pb.SendRequest,
        context: grpc.aio.ServicerContext[pb.SendRequest, pb.SendResponse],
    ) -> pb.SendResponse:
        return await self._sends.send(request, context)


class AgentServer:
    """Listens first and serves later, so that a taken port is known before anything is made."""

    def __init__(self, *listens: str) -> None:
        """Listens at each of `listens`, IP:PORT; `port` is that of the first. Raises ConfigError
        when one cannot be had.
        """
        self._server = grpc.aio.server(
            maximum_concurrent_rpcs=_MAX_CONCURRENT_CALLS,
            options=(
                # Else a second agent would share the port, and the calls, without a word.
                ("grpc.so_reuseport", 0),
                # The control plane pings to notice a vanished node. By gRPC's default the third
                # ping of a quiet stream, of logs that are followed, say, would end the connection.
                ("grpc.http2.max_ping_strikes", 0),
            ),
        )
        ports = [self._listen(address) for address in listens]
        self.port = ports[0]

    def _listen(self, address: str) -> int:
        try:
            return self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise ConfigError(
                f"cannot listen on {address}: the port is taken or the address is not this "
                "machine's; choose another --rpc-listen"
            ) from error

    async def serve(
        self,
        agent: Agent,
        kubelet: Kubelet,
        metrics: Callable[[], bytes] = bytes,
        *,
        flow_payloads: bool = False,
    ) -> None:
        """Start answering calls for a node's network and its pods. `metrics` gives its metrics
        in Prometheus' text format.
        """
        service = NodeAgentService(agent, kubelet, metrics, flow_payloads=flow_payloads)
        pb_grpc.add_NodeAgentServicer_to_server(service, self._server)
        checks = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(checks, self._server)
        await checks.set(SERVICE_NAME, health_pb2.HealthCheckResponse.SERVING)
        await checks.set("", health_pb2.HealthCheckResponse.SERVING)
        reflection.enable_server_reflection(
            (SERVICE_NAME, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server
        )
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop(grace=0.5)
