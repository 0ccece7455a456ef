import asyncio
from contextlib import asynccontextmanager
from random import Random

import pytest

from coredns_emu.state import ClusterState
from netcore.model.address import parse_address
from netcore.model.change import Batch, Change
from netcore.model.config import ClusterConfig
from netcore.model.namespace import Namespace
from protos import member as module
from protos.gen.v1 import controlplane_pb2 as pb
from protos.member import Identity, Member, Role, Topic
from tests.support.fake_control_plane import CONFIG, FakeControlPlane, running_control_plane

ONE, TWO = Change(Namespace("one")), Change(Namespace("two"))
IDENTITY = Identity(Role.DNS, "machine-1", "dns-1", (parse_address("172.18.0.3"),))


class Feed(ClusterState):
    """A ClusterState whose batches can be waited for."""

    def __init__(self) -> None:
        super().__init__(lambda: 0)
        self.applied: asyncio.Queue[Batch] = asyncio.Queue()

    def apply(self, batch: Batch) -> None:
        super().apply(batch)
        self.applied.put_nowait(batch)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(module, "_FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(module, "_LONGEST_PAUSE_S", 0.05)


@asynccontextmanager
async def connected(target: str, feed: Feed, identity: Identity = IDENTITY, **settings):
    """Runs a client; gives the configurations that it was told."""
    configs: list[ClusterConfig] = []
    topics = (Topic.SERVICES, Topic.ENDPOINT_SLICES, Topic.NAMESPACES)
    settings = {"topics": topics, **settings}
    client = Member(target, identity, feed, configs.append, Random(1), **settings)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(client.run())
        yield configs
        task.cancel()


@asynccontextmanager
async def running_session(feed: Feed, identity: Identity = IDENTITY, **settings):
    """A control plane with a client; gives the control plane and what the client was told."""
    async with (
        running_control_plane("127.0.0.1:0") as control_plane,
        connected(control_plane.target, feed, identity, **settings) as configs,
    ):
        yield control_plane, configs


async def heartbeat_after(control_plane: FakeControlPlane, *, ready: bool) -> pb.HeartbeatRequest:
    while (heartbeat := await control_plane.heartbeats.get()).ready is not ready:
        pass
    return heartbeat


async def test_registers_watches_and_beats():
    feed = Feed()
    async with running_session(feed) as (control_plane, configs):
        registration = await control_plane.registrations.get()
        assert (registration.role, registration.name) == (pb.ROLE_DNS, "dns-1")
        assert list(registration.underlay_addresses) == ["172.18.0.3"]
        watch = await control_plane.watches.get()
        topics = [pb.TOPIC_SERVICES, pb.TOPIC_ENDPOINT_SLICES, pb.TOPIC_NAMESPACES]
        assert list(watch.topics) == topics
        assert (watch.epoch, watch.since_revision) == ("", 0)
        assert configs == [CONFIG]
        early = await heartbeat_after(control_plane, ready=False)
        assert early.message == "waiting for the first snapshot"
        control_plane.batches.put_nowait(Batch("e", 7, (ONE,), reset=True, synced=True))
        late = await heartbeat_after(control_plane, ready=True)
        assert (late.role, late.instance_id) == (pb.ROLE_DNS, "machine-1")
        assert (late.message, late.applied_revision) == ("", 7)


async def test_pods_are_watched_when_wanted():
    async with running_session(Feed(), topics=(Topic.PODS,)) as (control_plane, _):
        assert pb.TOPIC_PODS in (await control_plane.watches.get()).topics


async def test_a_stream_that_ends_is_resumed():
    feed = Feed()
    async with running_session(feed) as (control_plane, _):
        await control_plane.watches.get()
        control_plane.batches.put_nowait(Batch("e", 7, (ONE,), reset=True, synced=True))
        control_plane.batches.put_nowait(None)
        watch = await control_plane.watches.get()
        assert (watch.epoch, watch.since_revision) == ("e", 7)
        control_plane.batches.put_nowait(Batch("e", 8, (TWO,), synced=True))
        await feed.applied.get()
        await feed.applied.get()
    assert feed.index.has_namespace(b"one")
    assert feed.index.has_namespace(b"two")


async def test_the_last_state_stays_while_the_control_plane_is_gone(tmp_path):
    target = f"unix:{tmp_path}/control-plane"
    feed = Feed()
    async with asyncio.timeout(20):
        async with running_control_plane(target) as control_plane:
            control_plane.batches.put_nowait(Batch("e", 7, (ONE,), reset=True, synced=True))
            client = connected(target, feed)
            await client.__aenter__()
            await feed.applied.get()
        assert feed.synced
        assert feed.index.has_namespace(b"one")
        async with running_control_plane(target) as control_plane:
            watch = await control_plane.watches.get()
            assert (watch.epoch, watch.since_revision) == ("e", 7)
            await client.__aexit__(None, None, None)


async def test_a_forgotten_name_is_registered_again():
    async with running_control_plane("127.0.0.1:0") as control_plane:
        control_plane.forgets_names = True
        async with connected(control_plane.target, Feed()):
            await control_plane.registrations.get()
            assert (await control_plane.registrations.get()).instance_id == "machine-1"


async def test_refusals_are_tried_again_quietly(caplog):
    caplog.set_level("INFO")
    async with running_session(Feed(), Identity(Role.DNS, "unwanted")) as (control_plane, _):
        for _ in range(3):
            await control_plane.registrations.get()
    assert [m for m in caplog.messages if "unwanted" in m] == [
        f"control plane {control_plane.target}: instance_id: unwanted; trying again"
    ]


async def test_bad_data_is_asked_for_again():
    feed = Feed()
    async with running_session(feed) as (control_plane, _):
        await control_plane.watches.get()
        control_plane.batches.put_nowait(Batch("e", 1, (Change(BAD_CONFIG),)))
        await control_plane.watches.get()
        assert not feed.synced


BAD_CONFIG = ClusterConfig("test", ("nonsense",), (), ())
