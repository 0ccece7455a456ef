"""The agent's side of the control plane's service.

A lost control plane is normal: every call is tried again with back-off until the agent stops,
and the watch resumes where it broke off. Nothing that was to be reported is lost: statuses
wait by pod (the latest wins), events in a bounded queue.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace

import grpc

from netcore.model.address import format_mac
from netcore.model.change import Batch
from netcore.model.config import ClusterConfig
from netcore.model.errors import ConfigError
from netcore.model.node import Node
from nodeagent.rpc.facts import NodeFacts
from protos.convert import batch_from_pb, config_from_pb, node_from_pb
from protos.gen.v1 import controlplane_pb2 as pb
from protos.gen.v1 import controlplane_pb2_grpc as pb_grpc

log = logging.getLogger(__name__)

_FIRST_DELAY_S = 0.05
_MAX_DELAY_S = 2.0
_CALL_TIMEOUT_S = 5.0
_PENDING_EVENTS = 1000
_MAX_MESSAGE_BYTES = 64 * 1024 * 1024

_FATAL = frozenset(
    {
        grpc.StatusCode.ALREADY_EXISTS,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.UNIMPLEMENTED,
    }
)
_TOPICS = (
    pb.TOPIC_NODES,
    pb.TOPIC_PODS,
    pb.TOPIC_SERVICES,
    pb.TOPIC_ENDPOINT_SLICES,
    pb.TOPIC_NAMESPACES,
    pb.TOPIC_POLICIES,
    pb.TOPIC_MANIFESTS,
)


@dataclass(frozen=True, slots=True)
class Membership:
    """What the control plane answered to a node that joined."""

    node: Node
    config: ClusterConfig
    heartbeat_interval_s: float


@dataclass(frozen=True, slots=True)
class PodStatusReport:
    """`status_json` is a core/v1 PodStatus; `removed`: the pod is no more."""

    namespace: str
    name: str
    uid: str
    status_json: bytes
    removed: bool


@dataclass(frozen=True, slots=True)
class EventReport:
    kind: str
    namespace: str
    name: str
    uid: str
    type: str
    reason: str
    message: str
    field_path: str = ""


@dataclass(slots=True)
class _Outbox:
    statuses: dict[str, PodStatusReport] = field(default_factory=dict)
    events: deque[EventReport] = field(default_factory=lambda: deque(maxlen=_PENDING_EVENTS))
    filled: asyncio.Event = field(default_factory=asyncio.Event)


def _joined(pieces: list[Batch]) -> Batch:
    """One batch of the pieces that a large one was sent in; the last has the revision."""
    last = pieces[-1]
    if len(pieces) == 1:
        return last
    changes = tuple(change for piece in pieces for change in piece.changes)
    return replace(last, changes=changes, reset=pieces[0].reset)


class ControlPlaneClient:
    """One agent's connection. All methods belong to the event loop's thread."""

    def __init__(self, target: str, facts: NodeFacts) -> None:
        self._facts = facts
        self._channel = grpc.aio.insecure_channel(
            target,
            options=(
                ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
                ("grpc.initial_reconnect_backoff_ms", 50),
                ("grpc.min_reconnect_backoff_ms", 50),
                ("grpc.max_reconnect_backoff_ms", 1000),
                ("grpc.keepalive_time_ms", 10_000),
                ("grpc.keepalive_timeout_ms", 5_000),
            ),
        )
        self._stub = pb_grpc.ControlPlaneStub(self._channel)
        self._outbox = _Outbox()
        self._name = facts.name

    async def register(self) -> Membership:
        """Join, however long that takes. Raises ConfigError when the control plane refuses."""
        request = self._registration()
        delay = _FIRST_DELAY_S
        while True:
            try:
                response = await self._stub.Register(request, timeout=_CALL_TIMEOUT_S)
                break
            except grpc.aio.AioRpcError as error:
                if error.code() in _FATAL:
                    raise ConfigError(error.details() or error.code().name) from error
                log.info("control plane not reachable yet: %s", error.details())
            await asyncio.sleep(delay)
            delay = min(delay * 2, _MAX_DELAY_S)
        self._name = response.name
        return Membership(
            node=node_from_pb(response.node),
            config=config_from_pb(response.config),
            heartbeat_interval_s=response.heartbeat_interval_ms / 1000,
        )

    async def declare(self, capabilities: frozenset[str]) -> None:
        """Tell what the node's datapath can do, once it is open. Raises as `register` does."""
        self._facts = replace(self._facts, capabilities=capabilities)
        await self.register()

    async def watch(self, position: Callable[[], tuple[str, int]]) -> AsyncIterator[Batch]:
        """Batches without end. `position` tells (epoch, revision) to resume from."""
        delay = _FIRST_DELAY_S
        while True:
            epoch, revision = position()
            request = pb.WatchRequest(
                client_name=self._name,
                topics=_TOPICS,
                node_name=self._name,
                epoch=epoch,
                since_revision=revision,
            )
            try:
                pieces: list[Batch] = []
                async for message in self._stub.Watch(request):
                    delay = _FIRST_DELAY_S
                    pieces.append(batch_from_pb(message))
                    if message.revision:
                        yield _joined(pieces)
                        pieces.clear()
                log.warning("the control plane ended the watch; resuming")
            except grpc.aio.AioRpcError as error:
                log.warning("watch lost (%s); pods keep talking, resuming", error.details())
            await asyncio.sleep(delay)
            delay = min(delay * 2, _MAX_DELAY_S)

    async def heartbeat(
        self,
        interval_s: float,
        state: Callable[[], tuple[bool, str, int]],
        became_ready: asyncio.Event,
    ) -> None:
        """Tell for ever that the node lives; `state` gives (ready, message, revision). The
        first beat after `became_ready` is set does not wait for its turn.

        Registers again when the control plane no longer knows the node.
        """
        while True:
            ready, message, revision = state()
            request = pb.HeartbeatRequest(
                name=self._name,
                role=pb.ROLE_NODE,
                instance_id=self._facts.instance_id,
                ready=ready,
                message=message,
                applied_revision=revision,
            )
            try:
                await self._stub.Heartbeat(request, timeout=_CALL_TIMEOUT_S)
            except grpc.aio.AioRpcError as error:
                if error.code() is grpc.StatusCode.NOT_FOUND:
                    log.warning("the control plane does not know this node: joining again")
                    await self.register()
            await self._pause(interval_s, became_ready if not ready else None)

    @staticmethod
    async def _pause(seconds: float, until: asyncio.Event | None) -> None:
        if until is None:
            await asyncio.sleep(seconds)
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await until.wait()

    def report_status(self, report: PodStatusReport) -> None:
        """Queue a pod's status; a newer one of the same pod replaces an unsent one."""
        self._outbox.statuses[report.uid] = report
        self._outbox.filled.set()

    def report_event(self, report: EventReport) -> None:
        """Queue an event; the oldest unsent one goes when too many wait."""
        self._outbox.events.append(report)
        self._outbox.filled.set()

    async def deliver(self) -> None:
        """Send what is queued, for ever; what fails is sent again."""
        delay = _FIRST_DELAY_S
        while True:
            await self._outbox.filled.wait()
            self._outbox.filled.clear()
            try:
                await self._deliver_statuses()
                await self._deliver_events()
                delay = _FIRST_DELAY_S
            except grpc.aio.AioRpcError as error:
                log.info("report postponed: %s", error.details())
                self._outbox.filled.set()
                await asyncio.sleep(delay)
                delay = min(delay * 2, _MAX_DELAY_S)

    async def close(self) -> None:
        await self._channel.close()

    async def _deliver_statuses(self) -> None:
        sending = dict(self._outbox.statuses)
        if not sending:
            return
        request = pb.ReportStatusRequest(
            node_name=self._name,
            pods=[
                pb.PodStatus(
                    namespace=report.namespace,
                    name=report.name,
                    uid=report.uid,
                    status_json=report.status_json,
                    removed=report.removed,
                )
                for report in sending.values()
            ],
        )
        try:
            await self._stub.ReportStatus(request, timeout=_CALL_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.NOT_FOUND:  # gone: nobody wants to know
                raise
        for uid, report in sending.items():
            if self._outbox.statuses.get(uid) is report:
                del self._outbox.statuses[uid]

    async def _deliver_events(self) -> None:
        while self._outbox.events:
            event = self._outbox.events[0]
            request = pb.ReportEventRequest(
                node_name=self._name,
                component="kubelet",
                kind=event.kind,
                namespace=event.namespace,
                name=event.name,
                uid=event.uid,
                type=event.type,
                reason=event.reason,
                message=event.message,
                field_path=event.field_path,
            )
            try:
                await self._stub.ReportEvent(request, timeout=_CALL_TIMEOUT_S)
            except grpc.aio.AioRpcError as error:
                if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                    raise
                log.warning("event refused: %s", error.details())
            if self._outbox.events and self._outbox.events[0] is event:
                self._outbox.events.popleft()

    def _registration(self) -> pb.RegisterRequest:
        facts = self._facts
        return pb.RegisterRequest(
            role=pb.ROLE_NODE,
            name=facts.name,
            instance_id=facts.instance_id,
            underlay_addresses=list(map(str, facts.underlay)),
            rpc_port=facts.rpc_port,
            vtep_mac=format_mac(facts.vtep_mac),
            capabilities=sorted(facts.capabilities),
            labels=dict(facts.labels),
            taints=list(facts.taints),
            info=pb.NodeInfo(
                os_image=facts.os_image,
                kernel_version=facts.kernel_version,
                agent_version=facts.agent_version,
                architecture=facts.architecture,
                cpu_count=facts.cpu_count,
                memory_bytes=facts.memory_bytes,
            ),
        )
