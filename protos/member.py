"""The control plane as a member of the cluster that is no node sees it: register, heartbeats, the
stream of state.

One session is a registration, then heartbeats and the stream side by side until either ends.
Sessions follow each other with growing pauses, for ever: answers go on from the last state.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import TYPE_CHECKING, Any, Protocol

import grpc.aio

from netcore.model.address import IpAddress, parse_address
from netcore.model.change import Batch
from netcore.model.config import ClusterConfig
from netcore.model.errors import ConfigError, KubehopError, first_error
from protos.convert import batch_from_pb, config_from_pb
from protos.gen.v1 import controlplane_pb2 as pb
from protos.gen.v1.controlplane_pb2_grpc import ControlPlaneStub

if TYPE_CHECKING:
    from protos.gen.v1.controlplane_pb2_grpc import ControlPlaneAsyncStub

log = logging.getLogger(__name__)

_CALL_TIMEOUT_S = 5.0
_DEFAULT_HEARTBEAT_S = 1.0
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_CHANNEL_OPTIONS = (
    # A peer that vanished without a FIN is noticed within keepalive time + timeout.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.max_receive_message_length", 64 << 20),
    # Pauses between attempts are decided here, not by the channel.
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 1_000),
)


class Role(Enum):
    """What a member is in the cluster."""

    DNS = pb.ROLE_DNS
    LOAD_BALANCER = pb.ROLE_LOAD_BALANCER


class Topic(Enum):
    """What a member wants to hear of."""

    NODES = pb.TOPIC_NODES
    PODS = pb.TOPIC_PODS
    SERVICES = pb.TOPIC_SERVICES
    ENDPOINT_SLICES = pb.TOPIC_ENDPOINT_SLICES
    NAMESPACES = pb.TOPIC_NAMESPACES
    INGRESSES = pb.TOPIC_INGRESSES


class Feed(Protocol):
    """Who takes the stream in. `resume_point` is (epoch, revision) of the last whole state."""

    @property
    def synced(self) -> bool: ...

    @property
    def resume_point(self) -> tuple[str, int]: ...

    def apply(self, batch: Batch) -> None: ...

    def disconnected(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this member is to the control plane. An empty `name` asks for one."""

    role: Role
    instance_id: str
    name: str = ""
    addresses: tuple[IpAddress, ...] = ()


class StreamEnded(KubehopError):
    """The control plane closed a stream that has no end."""


class Member:
    """Feeds `feed` from the control plane at `target` (HOST:PORT or unix:/path).

    `deliver` makes further calls while a session lasts; when it fails the session ends.
    """

    def __init__(
        self,
        target: str,
        identity: Identity,
        feed: Feed,
        on_config: Callable[[ClusterConfig], None],
        random: Random,
        topics: Sequence[Topic],
        deliver: "Callable[[ControlPlaneAsyncStub], Coroutine[Any, Any, None]] | None" = None,
    ) -> None:
        self._target = target
        self._identity = identity
        self._feed = feed
        self._on_config = on_config
        self._random = random
        self._topics = topics
        self._deliver = deliver
        self._pause_s = _FIRST_PAUSE_S
        self._reported: str | None = None

    async def run(self) -> None:
        """Stay connected until cancelled."""
        options: Sequence[tuple[str, int]] = _CHANNEL_OPTIONS
        async with grpc.aio.insecure_channel(self._target, options=options) as channel:
            stub = ControlPlaneStub(channel)
            while True:
                try:
                    await self._session(stub)
                except* (grpc.aio.AioRpcError, KubehopError) as errors:
                    self._report(first_error(errors))
                self._feed.disconnected()
                await asyncio.sleep(self._pause_s * self._random.uniform(0.5, 1.0))
                self._pause_s = min(self._pause_s * 2, _LONGEST_PAUSE_S)

    async def _session(self, stub: "ControlPlaneAsyncStub") -> None:
        response = await self._register(stub)
        log.info("control plane %s: registered as %s", self._target, response.name)
        self._on_config(config_from_pb(response.config))
        interval_s = response.heartbeat_interval_ms / 1000 or _DEFAULT_HEARTBEAT_S
        synced = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._heartbeats(stub, response.name, interval_s, synced))
            group.create_task(self._watch(stub, response.name, synced))
            if self._deliver is not None:
                group.create_task(self._deliver(stub))

    async def _register(self, stub: "ControlPlaneAsyncStub") -> pb.RegisterResponse:
        request = pb.RegisterRequest(
            role=self._identity.role.value,
            name=self._identity.name,
            instance_id=self._identity.instance_id,
            underlay_addresses=map(str, self._identity.addresses),
        )
        return await stub.Register(request, timeout=_CALL_TIMEOUT_S)

    async def _heartbeats(
        self, stub: "ControlPlaneAsyncStub", name: str, interval_s: float, synced: asyncio.Event
    ) -> None:
        """One each interval, and one at once when the server becomes ready."""
        while True:
            ready = self._feed.synced
            request = pb.HeartbeatRequest(
                name=name,
                role=self._identity.role.value,
                instance_id=self._identity.instance_id,
                ready=ready,
                message="" if ready else "waiting for the first snapshot",
                applied_revision=self._feed.resume_point[1],
            )
            await stub.Heartbeat(request, timeout=_CALL_TIMEOUT_S)
            if ready:
                await asyncio.sleep(interval_s)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(interval_s):
                    await synced.wait()
            synced.clear()

    async def _watch(self, stub: "ControlPlaneAsyncStub", name: str, synced: asyncio.Event) -> None:
        topics = [topic.value for topic in self._topics]
        epoch, revision = self._feed.resume_point
        request = pb.WatchRequest(
            client_name=name, topics=topics, epoch=epoch, since_revision=revision
        )
        async for message in stub.Watch(request):
            self._feed.apply(batch_from_pb(message))
            if self._feed.synced:
                synced.set()
            self._pause_s, self._reported = _FIRST_PAUSE_S, None
        raise StreamEnded("the control plane ended the stream")

    def _report(self, error: BaseException) -> None:
        """One line for each new reason, not one for each attempt."""
        reason = error.details() if isinstance(error, grpc.aio.AioRpcError) else str(error)
        if reason != self._reported:
            log.warning("control plane %s: %s; trying again", self._target, reason)
        self._reported = reason or ""


def source_towards(control_plane: str) -> IpAddress:
    """This machine's address on the way to the control plane (HOST:PORT). Sends nothing.

    Raises ConfigError.
    """
    host, separator, port = control_plane.rpartition(":")
    if not separator or control_plane.startswith("unix:"):
        raise ConfigError(
            f"--control-plane {control_plane} names no host: say this machine's own address"
        )
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(found[0], socket.SOCK_DGRAM) as probe:
            probe.connect(found[4])
            return parse_address(str(probe.getsockname()[0]))
    except OSError as error:
        raise ConfigError(
            f"--control-plane {control_plane}: {error}; is it started, and its name known here?"
        ) from error
