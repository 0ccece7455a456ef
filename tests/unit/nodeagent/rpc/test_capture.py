"""Captures as their callers get them: through a real server on loopback."""

import asyncio
import threading

import grpc
import pytest

from netcore.model.errors import DatapathError
from netcore.pipeline.trace import Hop, Stage
from netcore.pipeline.verdict import Drop, DropReason
from nodeagent.datapath.sightings import CapturedFrame, CaptureFilter
from nodeagent.rpc.capture import MAX_CAPTURES, begin
from nodeagent.rpc.capture_queue import CaptureQueue
from protos.gen.v1 import nodeagent_pb2 as pb
from tests.support.pods import eventually
from tests.unit.nodeagent.rpc.test_service import agent, channel, stub

__all__ = ["agent", "channel", "stub"]

HOPS = (Hop(Stage.ROUTE, "default", None, None, "nowhere"),)
SEEN = CapturedFrame(5, "host", True, b"frame", 60, 3, Drop(DropReason.POLICY_DENIED), HOPS)


async def test_frames_with_what_became_of_them(stub, agent):
    wanted = pb.CaptureRequest(
        places=["vxlan", "pod/default/web-1"],
        peers=["172.18.0.12"],
        filter="tcp port 80",
        snap_bytes=96,
    )
    call = stub.Capture(wanted)
    first = await call.read()
    assert (first.started, first.vxlan_port) == (True, 4789)
    ((asked, report),) = agent.datapath.captures
    assert asked.places == {"vxlan", "pod/default/web-1"}
    assert asked.peers == {b"\xac\x12\0\x0c"}
    assert (str(asked.expression), asked.snap_bytes) == ("tcp port 80", 96)
    await asyncio.to_thread(report, SEEN)
    (frame,) = (await call.read()).frames
    assert frame == pb.CapturedFrame(
        place="host",
        time_unix_ns=5,
        inbound=True,
        data=b"frame",
        original_bytes=60,
        packet_id=3,
        comment="DROPPED POLICY_DENIED (133); route: nowhere [default]",
    )
    call.cancel()
    await eventually(lambda: not agent.datapath.captures)


async def test_who_leaves_while_a_capture_begins_leaves_none_behind(agent, monkeypatch):
    loop, really = asyncio.get_running_loop(), agent.datapath.capture
    begins, may_go_on, begun = asyncio.Event(), threading.Event(), []

    def slowly(wanted, report):
        loop.call_soon_threadsafe(begins.set)
        assert may_go_on.wait(10)
        begun.append(really(wanted, report))
        return begun[0]

    monkeypatch.setattr(agent.datapath, "capture", slowly)
    beginning = asyncio.ensure_future(begin(agent, CaptureFilter(), CaptureQueue(loop)))
    await asyncio.wait_for(begins.wait(), 10)
    beginning.cancel()
    with pytest.raises(asyncio.CancelledError):
        await beginning
    may_go_on.set()
    await eventually(lambda: bool(begun) and not agent.datapath.captures)


async def test_what_was_dropped_is_told(stub, agent):
    call = stub.Capture(pb.CaptureRequest())
    assert (await call.read()).started
    ((asked, report),) = agent.datapath.captures
    assert (asked.places, asked.peers, asked.expression) == (None, frozenset(), None)

    def flood():
        for _ in range(20_000):
            report(SEEN)

    flood()  # on the loop's own thread: nobody reads meanwhile
    answer = await call.read()
    (dropped,) = answer.dropped
    assert (dropped.place, dropped.frames) == ("host", 20_000 - 8192)
    call.cancel()


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (pb.CaptureRequest(filter="port x"), "INVALID_ARGUMENT", "at 'x'"),
        (pb.CaptureRequest(peers=["x"]), "INVALID_ARGUMENT", "x"),
        (pb.CaptureRequest(places=["eth0"]), "INVALID_ARGUMENT", "no place 'eth0'"),
        (pb.CaptureRequest(places=["pod/web"]), "INVALID_ARGUMENT", "no place 'pod/web'"),
        (pb.CaptureRequest(places=["pod/a/b"]), "NOT_FOUND", "pod a/b is not on node node1"),
        (pb.CaptureRequest(places=["host"] * 2000), "INVALID_ARGUMENT", "at most 1024"),
    ],
)
async def test_what_cannot_be_captured_is_named(stub, request_, code, message):
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await anext(aiter(stub.Capture(request_)))
    assert raised.value.code().name == code
    assert message in raised.value.details()


async def test_a_node_has_so_many_captures_and_no_more(stub, agent):
    calls = [stub.Capture(pb.CaptureRequest()) for _ in range(MAX_CAPTURES)]
    for call in calls:
        assert (await call.read()).started
    with pytest.raises(grpc.aio.AioRpcError, match="8 captures run on this node"):
        await anext(aiter(stub.Capture(pb.CaptureRequest())))
    for call in calls:
        call.cancel()
    await eventually(lambda: not agent.datapath.captures)
    again = stub.Capture(pb.CaptureRequest())
    assert (await again.read()).started
    again.cancel()


async def test_a_datapath_that_cannot_says_why(stub, agent, monkeypatch):
    def refuse(*_):
        raise DatapathError("find device of", "172.18.0.11", "no interface has this address")

    monkeypatch.setattr(agent.datapath, "capture", refuse)
    with pytest.raises(grpc.aio.AioRpcError, match="no interface has this address"):
        await anext(aiter(stub.Capture(pb.CaptureRequest())))
