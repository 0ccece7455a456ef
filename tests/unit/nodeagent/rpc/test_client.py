import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import aclosing, asynccontextmanager
from typing import Any

import grpc
import pytest

from netcore.model.address import parse_address
from netcore.model.errors import ConfigError
from nodeagent.rpc import client as client_module
from nodeagent.rpc.client import ControlPlaneClient, EventReport, PodStatusReport
from nodeagent.rpc.facts import NodeFacts
from tests.support.cluster import CONFIG, batch, node
from tests.support.pods import eventually
from tests.support.rpc_control_plane import RecordingControlPlane, serving

FACTS = NodeFacts(
    instance_id="i-1",
    underlay=(parse_address("172.18.0.11"),),
    rpc_port=7444,
    vtep_mac=b"\x0a\x58\xac\x12\x00\x0b",
    capabilities=frozenset({"vxlan", "ipv4"}),
    labels={"zone": "a"},
    taints=("gpu=yes:NoSchedule",),
)
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(client_module, "_FIRST_DELAY_S", 0.001)
    monkeypatch.setattr(client_module, "_MAX_DELAY_S", 0.01)


@pytest.fixture
def target(tmp_path) -> str:
    return f"unix:{tmp_path}/rpc"


@pytest.fixture
def control_plane() -> RecordingControlPlane:
    return RecordingControlPlane()


@pytest.fixture
async def client(target) -> AsyncIterator[ControlPlaneClient]:
    made = ControlPlaneClient(target, FACTS)
    yield made
    await made.close()


@asynccontextmanager
async def running(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(work)
        try:
            yield
        finally:
            task.cancel()


# Registration.


async def test_a_node_joins_with_what_it_knows_of_itself(client, control_plane, target):
    async with serving(control_plane, target):
        membership = await client.register()
    assert (membership.node, membership.config) == (node(1), CONFIG)
    assert membership.heartbeat_interval_s == 0.25
    (request,) = control_plane.registrations
    assert (request.name, request.instance_id, request.rpc_port) == ("", "i-1", 7444)
    assert list(request.underlay_addresses) == ["172.18.0.11"]
    assert request.vtep_mac == "0a:58:ac:12:00:0b"
    assert list(request.capabilities) == ["ipv4", "vxlan"]
    assert (dict(request.labels), list(request.taints)) == ({"zone": "a"}, ["gpu=yes:NoSchedule"])
    assert request.info.cpu_count > 0
    assert request.info.memory_bytes > 0


async def test_a_node_tells_what_its_datapath_can_do(client, control_plane, target):
    async with serving(control_plane, target):
        await client.register()
        await client.declare(frozenset({"userspace", "ipv6"}))
    said = [list(request.capabilities) for request in control_plane.registrations]
    assert said == [["ipv4", "vxlan"], ["ipv6", "userspace"]]


async def test_joining_waits_for_a_control_plane_that_is_late(client, control_plane, target):
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        joining = tasks.create_task(client.register())
        await asyncio.wait((joining,), timeout=0.05)
        assert not joining.done()
        async with serving(control_plane, target):
            assert (await joining).node == node(1)


async def test_joining_is_tried_again_after_an_error(client, control_plane, target):
    control_plane.refusals = [UNAVAILABLE, grpc.StatusCode.INTERNAL]
    async with serving(control_plane, target):
        await client.register()
    assert len(control_plane.registrations) == 3


@pytest.mark.parametrize(
    "code",
    [
        grpc.StatusCode.ALREADY_EXISTS,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    ],
)
async def test_a_refusal_is_final_and_in_the_control_planes_words(
    client, control_plane, target, code
):
    control_plane.refusals = [code]
    async with serving(control_plane, target):
        with pytest.raises(ConfigError, match=r"^not today$"):
            await client.register()
    assert len(control_plane.registrations) == 1


# The watch.


async def test_the_watch_resumes_where_it_broke_off(client, control_plane, target):
    position = ("", 0)
    seen = []
    for each in (batch(node(2), revision=5), RuntimeError("gone"), batch(revision=6), None,
                 batch(revision=7, synced=True)):  # fmt: skip
        control_plane.batches.put_nowait(each)
    async with serving(control_plane, target), asyncio.timeout(10):
        await client.register()
        async with aclosing(client.watch(lambda: position)) as watch:
            async for received in watch:
                seen.append(received)
                position = (received.epoch, received.revision)
                if received.revision == 7:
                    break
    assert seen[0] == batch(node(2), revision=5)
    assert [each.revision for each in seen] == [5, 6, 7]
    assert [(each.epoch, each.since_revision) for each in control_plane.watches] == [
        ("", 0),
        ("epoch", 5),
        ("epoch", 6),
    ]
    assert {each.node_name for each in control_plane.watches} == {"kubehop-worker"}
    assert len(control_plane.watches[0].topics) == 7


async def test_the_watch_survives_a_restarted_control_plane(client, control_plane, target):
    seen: list[int] = []

    async def follow() -> None:
        async for received in client.watch(lambda: ("epoch", max(seen, default=0))):
            seen.append(received.revision)

    async with running(follow()):
        async with serving(control_plane, target):
            control_plane.batches.put_nowait(batch(revision=1))
            await eventually(lambda: seen == [1])
        successor = RecordingControlPlane()
        successor.batches.put_nowait(batch(revision=2))
        async with serving(successor, target):
            await eventually(lambda: seen == [1, 2])
            assert successor.watches[-1].since_revision == 1


# Heartbeats.


async def test_heartbeats_tell_the_nodes_state(client, control_plane, target):
    ready = asyncio.Event()
    state = [False, "no network", 3]
    async with serving(control_plane, target):
        await client.register()
        async with running(client.heartbeat(3600, lambda: tuple(state), ready)):
            await eventually(lambda: len(control_plane.heartbeats) == 1)
            state[:] = [True, "", 4]
            ready.set()
            await eventually(lambda: len(control_plane.heartbeats) == 2)
    first, second = control_plane.heartbeats
    assert (first.ready, first.message, first.applied_revision) == (False, "no network", 3)
    assert (second.ready, second.message, second.applied_revision) == (True, "", 4)
    assert (first.name, first.instance_id) == ("kubehop-worker", "i-1")


async def test_heartbeats_go_on_at_their_interval_and_after_failures(client, control_plane, target):
    control_plane.refusals = [UNAVAILABLE, grpc.StatusCode.INTERNAL]
    async with serving(control_plane, target):
        beating = client.heartbeat(0.001, lambda: (True, "", 1), asyncio.Event())
        async with running(beating):
            await eventually(lambda: len(control_plane.heartbeats) >= 4)
    assert control_plane.registrations == []


async def test_an_unready_node_beats_at_the_interval_too(client, control_plane, target):
    async with serving(control_plane, target):
        beating = client.heartbeat(0.001, lambda: (False, "slow", 1), asyncio.Event())
        async with running(beating):
            await eventually(lambda: len(control_plane.heartbeats) >= 3)


async def test_a_forgotten_node_joins_again(client, control_plane, target):
    control_plane.refusals = [grpc.StatusCode.NOT_FOUND]
    beating = client.heartbeat(0.001, lambda: (True, "", 1), asyncio.Event())
    async with serving(control_plane, target), running(beating):
        await eventually(lambda: len(control_plane.heartbeats) >= 2)
    assert len(control_plane.registrations) == 1


# Reports.


def status(uid: str = "u1", json: bytes = b"{}", *, removed: bool = False) -> PodStatusReport:
    return PodStatusReport("default", "web", uid, json, removed)


def event(message: str = "Started") -> EventReport:
    return EventReport(
        "Pod", "default", "web", "u1", "Normal", "Started", message, "spec.containers{web}"
    )


async def test_reports_arrive(client, control_plane, target):
    async with serving(control_plane, target), running(client.deliver()):
        client.report_status(status(removed=True))
        client.report_event(event())
        await eventually(lambda: bool(control_plane.events))
    (sent,) = control_plane.statuses
    assert (sent.namespace, sent.name, sent.uid, sent.status_json, sent.removed) == (
        "default", "web", "u1", b"{}", True,
    )  # fmt: skip
    (told,) = control_plane.events
    assert (told.component, told.kind, told.reason, told.message, told.field_path) == (
        "kubelet", "Pod", "Started", "Started", "spec.containers{web}",
    )  # fmt: skip


async def test_reports_survive_an_outage_and_the_latest_status_wins(client, control_plane, target):
    async with running(client.deliver()):
        client.report_status(status(json=b"1"))
        client.report_status(status("u2", b"other"))
        client.report_event(event("first"))
        client.report_event(event("second"))
        client.report_status(status(json=b"2"))
        async with serving(control_plane, target):
            await eventually(lambda: len(control_plane.events) == 2)
    assert {each.uid: each.status_json for each in control_plane.statuses} == {
        "u1": b"2",
        "u2": b"other",
    }
    assert [each.message for each in control_plane.events] == ["first", "second"]


async def test_a_refused_call_is_sent_again(client, control_plane, target):
    control_plane.refusals = [UNAVAILABLE, grpc.StatusCode.INTERNAL]
    async with serving(control_plane, target), running(client.deliver()):
        client.report_status(status())
        await eventually(lambda: bool(control_plane.statuses))
    assert len(control_plane.statuses) == 1


async def test_the_status_of_a_pod_that_is_gone_is_not_sent_again(client, control_plane, target):
    control_plane.refusals = [grpc.StatusCode.NOT_FOUND]
    async with serving(control_plane, target), running(client.deliver()):
        client.report_status(status())
        client.report_event(event())
        await eventually(lambda: bool(control_plane.events))
    assert control_plane.statuses == []


async def test_an_event_that_is_refused_does_not_hold_up_the_next(client, control_plane, target):
    control_plane.refusals = [grpc.StatusCode.INVALID_ARGUMENT]
    async with serving(control_plane, target), running(client.deliver()):
        client.report_event(event("bad"))
        client.report_event(event("good"))
        await eventually(lambda: bool(control_plane.events))
    assert [each.message for each in control_plane.events] == ["good"]


async def test_only_so_many_events_wait_and_the_oldest_go(client, control_plane, target):
    for number in range(1005):
        client.report_event(event(str(number)))
    async with serving(control_plane, target), running(client.deliver()):
        await eventually(lambda: len(control_plane.events) == 1000)
    assert control_plane.events[0].message == "5"
    assert control_plane.events[-1].message == "1004"
