"""The client of the nodes' agents: exec, logs, tables, traces.

One HTTP/2 channel a node, made when first needed and kept. Everything that goes wrong is a
StatusError, worded as an API server does about its kubelets.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

import grpc
import grpc.aio

from controlplane.api.errors import StatusError, bad_request, too_many_requests
from controlplane.rpc import agent_messages as messages
from controlplane.rpc.capture_messages import capture_answers, capture_request
from protos.gen.v1 import nodeagent_pb2 as pb
from protos.gen.v1 import nodeagent_pb2_grpc as pb_grpc

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator
    from typing import Any

    from controlplane.rpc.agent_types import (
        ContainerTarget,
        Dump,
        ExecCommand,
        ExecInput,
        ExecOutput,
        Flow,
        FlowPart,
        FlowQuery,
        LogQuery,
        Missed,
        Packet,
    )
    from controlplane.rpc.capture_types import CaptureAnswer, CaptureOrder

ADDRESS_ANNOTATION = "kubehop.dev/agent-address"
MAX_CHANNELS = 512
CONNECT_TIMEOUT_S = 3.0
_CALL_TIMEOUT_S = 10.0
_CLOSE_GRACE_S = 1.0
_MAX_MESSAGE_BYTES = 64 * 1024 * 1024
_OPTIONS = (
    ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
    # An agent that was restarted is there at once: do not wait up to two minutes for it.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    # A node that vanished without a word is noticed by its silence.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 5_000),
)


class NodeReader(Protocol):
    """Where Node objects are read."""

    async def get(self, resource: str, name: str, namespace: str | None = None) -> dict[str, Any]:
        """One object. Raises StatusError 404."""


class Agents:
    """The agents of all nodes, by node name."""

    def __init__(self, reader: NodeReader) -> None:
        self._reader = reader
        self._channels: OrderedDict[str, grpc.aio.Channel] = OrderedDict()

    async def at(self, node_name: str) -> Agent:
        """The agent of a node, connected. Raises StatusError 404, 500 when it cannot be reached."""
        node = await self._reader.get("nodes", node_name)
        address = (node["metadata"].get("annotations") or {}).get(ADDRESS_ANNOTATION)
        if not address:
            raise _unreachable(f"node {node_name} has no agent that kubehop knows of")
        channel = self._channel(address)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await channel.channel_ready()
        except TimeoutError as error:
            raise _unreachable(
                f"dial tcp {address}: the agent of {node_name} does not answer"
            ) from error
        return Agent(node_name, channel)

    def _channel(self, address: str) -> grpc.aio.Channel:
        channel = self._channels.pop(address, None)
        if channel is None:
            channel = grpc.aio.insecure_channel(address, options=_OPTIONS)
        self._channels[address] = channel
        if len(self._channels) > MAX_CHANNELS:
            # Calls under way hold the channel; grpc closes it when the last one has ended.
            self._channels.popitem(last=False)
        return channel

    async def close(self) -> None:
        """Ends all calls."""
        channels = list(self._channels.values())
        self._channels.clear()
        for channel in channels:
            await channel.close(_CLOSE_GRACE_S)


class Agent:
    """One connected agent. Closing an iterator early ends its call."""

    def __init__(self, node_name: str, channel: grpc.aio.Channel) -> None:
        self.node_name = node_name
        self._channel = channel
        self._stub: pb_grpc.NodeAgentAsyncStub = pb_grpc.NodeAgentStub(channel)

    async def exec(
        self, command: ExecCommand, inputs: AsyncIterator[ExecInput]
    ) -> AsyncGenerator[ExecOutput, None]:
        """What the command writes, at last its Exit. Raises StatusError."""

        async def requests() -> AsyncIterator[pb.ExecRequest]:
            yield messages.exec_start(command)
            async for item in inputs:
                yield messages.exec_input(item)

        call = self._stub.Exec(requests())
        try:
            async for response in call:
                output = messages.exec_output(response)
                if output is not None:
                    yield output
        except grpc.aio.AioRpcError as error:
            raise self._refusal(error) from error
        finally:
            call.cancel()

    async def logs(self, target: ContainerTarget, query: LogQuery) -> AsyncGenerator[bytes, None]:
        """The log in parts; with `follow` until the container ends. Raises StatusError."""
        call = self._stub.Logs(messages.logs_request(target, query))
        try:
            async for response in call:
                yield response.data
        except grpc.aio.AioRpcError as error:
            raise self._refusal(error) from error
        finally:
            call.cancel()

    async def dump(self, tables: tuple[str, ...]) -> Dump:
        """The named tables, or all. Raises StatusError 400 for a name that is none."""
        try:
            request = pb.DumpRequest(tables=tables)
            response = await self._stub.Dump(request, timeout=_CALL_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            raise self._refusal(error) from error
        return messages.dump(response)

    async def probe(self, namespace: str, pod: str, flow: Flow) -> Packet:
        """What this node would decide on a packet of the pod's. Raises StatusError."""
        call = self._stub.Trace(
            messages.probe_request(namespace, pod, flow), timeout=_CALL_TIMEOUT_S
        )
        try:
            async for response in call:
                return messages.packet(response)
        except grpc.aio.AioRpcError as error:
            raise self._refusal(error) from error
        finally:
            call.cancel()
        raise _unreachable(f"the agent of {self.node_name} ended the trace without an answer")

    async def trace(
        self, addresses: tuple[str, ...], max_packets: int
    ) -> AsyncGenerator[Packet | Missed | None, None]:
        """Packets from or to these addresses as they are decided; first None, when armed."""
        call = self._stub.Trace(messages.live_request(addresses, max_packets))
        try:
            async for response in call:
                yield messages.trace_answer(response)
        except grpc.aio.AioRpcError as error:
            raise self._refusal(error) from error
        finally:
            call.cancel()

    async def metrics(self) -> bytes:
        """The node's metrics in Prometheus' text format. Raises StatusError."""
        try:
            response = await self._stub.Metrics(pb.MetricsRequest(), timeout=_CALL_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            raise self._refusal(error) from error
        return response.text

    async def flows(self, query: FlowQuery) -> AsyncGenerator[FlowPart, None]:
        """The node's flows, the oldest first. Raises StatusError."""
        call = self._stub.Flows(messages.flows_request(query))
        try:
            async for response in call:
                yield messages.flow_part(response)
        except grpc.aio.AioRpcError as error:
            raise self._refusal(error) from error
        finally:
            call.cancel()

    async def capture(self, order: CaptureOrder) -> AsyncGenerator[CaptureAnswer, None]:
        """Frames as they pass; first Started. Raises StatusError."""
        call = self._stub.Capture(capture_request(order))
        try:
            async for response in call:
                for answer in capture_answers(response):
                    yield answer
        except grpc.aio.AioRpcError as error:
            raise self._refusal(error) from error
        finally:
            call.cancel()

    async def send(self, arguments: tuple[str, ...], timeout_s: float) -> tuple[int, bytes, bytes]:
        """One packet from the node itself: exit code, stdout and stderr of the program."""
        try:
            request = pb.SendRequest(arguments=arguments)
            response = await self._stub.Send(request, timeout=timeout_s)
        except grpc.aio.AioRpcError as error:
            raise self._refusal(error) from error
        return response.code, response.stdout, response.stderr

    def _refusal(self, error: grpc.aio.AioRpcError) -> StatusError:
        text = error.details() or str(error.code())
        match error.code():
            case grpc.StatusCode.NOT_FOUND:
                return StatusError(404, "NotFound", text)
            case grpc.StatusCode.FAILED_PRECONDITION | grpc.StatusCode.INVALID_ARGUMENT:
                return bad_request(text)
            case grpc.StatusCode.RESOURCE_EXHAUSTED:
                return too_many_requests(f"the agent of {self.node_name}: {text}")
            case grpc.StatusCode.DEADLINE_EXCEEDED:
                return StatusError(504, "Timeout", f"the agent of {self.node_name}: {text}")
        return _unreachable(f"the agent of {self.node_name}: {text}")


def _unreachable(why: str) -> StatusError:
    return StatusError(500, "InternalError", f"error dialing backend: {why}")
