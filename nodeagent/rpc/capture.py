"""Captures on the wire."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import grpc

from netcore.capture.comment import comment
from netcore.capture.filter import parse_filter
from netcore.capture.pcapng import MAX_SNAP_BYTES
from netcore.model.address import packed
from netcore.model.errors import ConfigError, DatapathError
from nodeagent.agent import Agent
from nodeagent.datapath.base import Observer
from nodeagent.datapath.sightings import HOST, UNDERLAY, CapturedFrame, CaptureFilter, pod_place
from nodeagent.rpc.capture_queue import CaptureQueue
from protos.gen.v1 import nodeagent_pb2 as pb

MAX_CAPTURES = 8
"""Every frame of the node is shown to each of them."""
MAX_PLACES = 1024
_POD_PREFIX = pod_place("")


class Captures:
    """Answers NodeAgent.Capture."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._running = 0

    async def stream(
        self,
        request: pb.CaptureRequest,
        context: grpc.aio.ServicerContext[pb.CaptureRequest, pb.CaptureResponse],
    ) -> AsyncIterator[pb.CaptureResponse]:
        """Aborts with INVALID_ARGUMENT, NOT_FOUND, FAILED_PRECONDITION, RESOURCE_EXHAUSTED."""
        try:
            wanted = self._wanted(request)
        except ConfigError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except LookupError as error:
            await context.abort(grpc.StatusCode.NOT_FOUND, str(error.args[0]))
        if self._running >= MAX_CAPTURES:
            message = f"{self._running} captures run on this node: end one of them first"
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, message)
        self._running += 1
        try:
            async with aclosing(_capture(self._agent, wanted)) as answers:
                async for answer in answers:
                    yield answer
        except DatapathError as error:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        finally:
            self._running -= 1

    def _wanted(self, request: pb.CaptureRequest) -> CaptureFilter:
        """Raises ConfigError, LookupError when a pod is not here."""
        if len(request.places) > MAX_PLACES or len(request.peers) > MAX_PLACES:
            raise ConfigError(f"at most {MAX_PLACES} places and peers at once")
        for place in request.places:
            self._check_place(place)
        return CaptureFilter(
            places=frozenset(request.places) or None,
            peers=frozenset(map(packed, request.peers)),
            expression=parse_filter(request.filter),
            snap_bytes=min(request.snap_bytes or MAX_SNAP_BYTES, MAX_SNAP_BYTES),
        )

    def _check_place(self, place: str) -> None:
        if place in (HOST, UNDERLAY):
            return
        namespace, _, name = place.removeprefix(_POD_PREFIX).partition("/")
        if not place.startswith(_POD_PREFIX) or not name:
            raise ConfigError(f"no place {place!r}: there are host, vxlan and pod/NAMESPACE/NAME")
        if self._agent.local_port(namespace, name) is None:
            raise LookupError(f"pod {namespace}/{name} is not on node {self._agent.node_name}")


async def _capture(agent: Agent, wanted: CaptureFilter) -> AsyncGenerator[pb.CaptureResponse, None]:
    queue = CaptureQueue(asyncio.get_running_loop())
    observer = await begin(agent, wanted, queue)
    try:
        yield pb.CaptureResponse(started=True, vxlan_port=agent.snapshot.config.vxlan_port)
        while True:
            seen, dropped = await queue.batch()
            yield pb.CaptureResponse(
                frames=map(_frame, seen),
                dropped=[
                    pb.CaptureDropped(place=place, frames=count) for place, count in dropped.items()
                ],
            )
    finally:
        observer.close()


async def begin(agent: Agent, wanted: CaptureFilter, queue: CaptureQueue) -> Observer:
    """Begin a capture, which blocks. Who leaves meanwhile leaves none behind. DatapathError."""
    loop = asyncio.get_running_loop()
    beginning = loop.run_in_executor(None, agent.datapath.capture, wanted, queue.put)
    try:
        return await asyncio.shield(beginning)
    except asyncio.CancelledError:
        beginning.add_done_callback(_close)
        raise


def _close(begun: asyncio.Future[Observer]) -> None:
    if begun.exception() is None:
        begun.result().close()


def _frame(seen: CapturedFrame) -> pb.CapturedFrame:
    return pb.CapturedFrame(
        place=seen.place,
        time_unix_ns=seen.time_ns,
        inbound=seen.inbound,
        data=seen.frame,
        original_bytes=seen.original_bytes,
        packet_id=seen.packet_id,
        comment=comment(seen.verdict, seen.hops),
    )
