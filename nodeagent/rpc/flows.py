"""The node's flows on the wire: read from the ring, formatted here and only when somebody asks."""

import asyncio
import json
import uuid
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from datetime import UTC, datetime

import grpc

from netcore.flow.build import flows_of
from netcore.flow.document import flow_document
from netcore.flow.layer7.conversations import Conversations
from netcore.flow.record import Flow
from nodeagent.agent import Agent
from nodeagent.datapath.base import FlowPage
from protos.gen.v1 import nodeagent_pb2 as pb

MAX_READERS = 32
_PAGE = 256
_POLL_S = 0.05
_NS = 1_000_000_000
_FLOWS_PER_SIGHTING = 4
"""At least a quarter of the sightings tell a flow: where to begin for the last few."""


class FlowReaders:
    """Answers NodeAgent.Flows. `payloads`: the ring always has DNS and HTTP messages."""

    def __init__(self, agent: Agent, *, payloads: bool = False) -> None:
        self._agent = agent
        self._boot = uuid.uuid4()
        self._readers = 0
        self._payload_readers = int(payloads)
        if payloads:
            agent.datapath.keep_payloads(True)

    async def stream(
        self,
        request: pb.FlowsRequest,
        context: grpc.aio.ServicerContext[pb.FlowsRequest, pb.FlowBatch],
    ) -> AsyncIterator[pb.FlowBatch]:
        """Aborts with RESOURCE_EXHAUSTED when too many read."""
        if self._readers >= MAX_READERS:
            message = f"{self._readers} readers follow this node's flows: end one of them first"
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, message)
        self._readers += 1
        self._ask_for_payloads(request, 1)
        try:
            async with aclosing(_Reader(self._agent, self._boot, request).batches()) as batches:
                async for batch in batches:
                    yield batch
        finally:
            self._readers -= 1
            self._ask_for_payloads(request, -1)

    def _ask_for_payloads(self, request: pb.FlowsRequest, change: int) -> None:
        if not request.payloads:
            return
        self._payload_readers += change
        self._agent.datapath.keep_payloads(self._payload_readers > 0)


class _Reader:
    def __init__(self, agent: Agent, boot: uuid.UUID, request: pb.FlowsRequest) -> None:
        self._agent, self._boot, self._request = agent, boot, request
        self._conversations = Conversations()
        self._position = 0

    async def batches(self) -> AsyncGenerator[pb.FlowBatch, None]:
        end = self._agent.datapath.flows(0, 0).end
        if self._request.only_new:
            self._position = end
        elif self._request.last:
            async for batch in self._last(end):
                yield batch
        else:
            async for batch in self._until(end):
                yield batch
        yield pb.FlowBatch(caught_up=True)
        while self._request.follow and not self._is_over():
            page = self._read(self._position)
            if page.sightings or page.lost:
                yield self._batch(page, lost=page.lost)
            if not page.sightings:
                await asyncio.sleep(_POLL_S)

    def _read(self, position: int, limit: int = _PAGE) -> FlowPage:
        page = self._agent.datapath.flows(position, limit)
        self._position = page.next
        return page

    async def _until(self, end: int) -> AsyncIterator[pb.FlowBatch]:
        first = True
        while self._position < end:
            page = self._read(self._position, min(_PAGE, end - self._position))
            # What was overwritten before the reader came is not lost: it is just long ago.
            yield self._batch(page, lost=0 if first else page.lost)
            first = False
            await asyncio.sleep(0)

    async def _last(self, end: int) -> AsyncIterator[pb.FlowBatch]:
        """Only what is told is formatted; what came long before is not even looked at."""
        wanted = self._request.last
        begin = max(0, end - wanted * _FLOWS_PER_SIGHTING)
        found = await self._collect(begin, end)
        if len(found) < wanted and begin:
            self._conversations = Conversations()
            found = await self._collect(0, end)
        yield pb.FlowBatch(events=[self._event(flow, name) for flow, name in found])

    async def _collect(self, begin: int, end: int) -> deque[tuple[Flow, str]]:
        found: deque[tuple[Flow, str]] = deque(maxlen=self._request.last)
        self._position = begin
        while self._position < end:
            found.extend(self._flows(self._read(self._position, min(_PAGE, end - self._position))))
            await asyncio.sleep(0)
        return found

    def _batch(self, page: FlowPage, *, lost: int) -> pb.FlowBatch:
        events = [self._event(flow, name) for flow, name in self._flows(page)]
        return pb.FlowBatch(events=events, lost=lost)

    def _flows(self, page: FlowPage) -> Iterator[tuple[Flow, str]]:
        """With a name that is the same for every reader."""
        snapshot, conversations = self._agent.snapshot, self._conversations
        since = self._request.since_unix_ns
        until = self._request.until_unix_ns
        first = page.next - len(page.sightings)
        for place, seen in enumerate(page.sightings, first):
            if seen.time_ns < since or (until and seen.time_ns > until):
                continue
            if seen.payload is not None:
                told = conversations.flow_of(snapshot, seen)
                if told is not None:
                    yield told, f"{place}"
                continue
            for number, flow in enumerate(flows_of(snapshot, seen)):
                yield conversations.named(flow), f"{place}.{number}"

    def _event(self, flow: Flow, name: str) -> pb.FlowEvent:
        identifier = str(uuid.uuid5(self._boot, name))
        document = flow_document(flow, rfc3339_nano(flow.time_ns), identifier)
        encoded = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
        return pb.FlowEvent(time_unix_ns=flow.time_ns, document=encoded)

    def _is_over(self) -> bool:
        until = self._request.until_unix_ns
        return bool(until) and datetime.now(UTC).timestamp() * _NS > until


def rfc3339_nano(unix_ns: int) -> str:
    """UTC with nine digits after the point."""
    seconds, rest = divmod(unix_ns, _NS)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
