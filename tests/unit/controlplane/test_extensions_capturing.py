"""Captures through the API, with agents that a test scripts."""

import asyncio
import base64
import json
from contextlib import AsyncExitStack

import grpc
import pytest

from controlplane.api.connections import extension_handlers
from controlplane.api.extensions import capturing
from controlplane.rpc.agents import Agents
from protos.gen.v1 import nodeagent_pb2 as pb
from tests.support.fake_agent import FakeAgent, FakeReader, node, pod, serve_agent
from tests.unit.controlplane.support import json_of, make_client, serving

PATH = "/apis/kubehop.dev/v1alpha1/captures"


def frame(ns, **fields):
    return pb.CapturedFrame(place="host", time_unix_ns=ns, data=b"\0\xff", **fields)


@pytest.fixture
def fakes():
    first = FakeAgent("worker", captured=[pb.CaptureResponse(frames=[frame(1), frame(3)])])
    second = FakeAgent("worker2", captured=[pb.CaptureResponse(frames=[frame(2)])])
    return first, second


@pytest.fixture
def reader():
    return FakeReader(pods=[pod()])


@pytest.fixture
async def api(fakes, reader):
    async with AsyncExitStack() as stack:
        addresses = [await stack.enter_async_context(serve_agent(fake)) for fake in fakes]
        reader.objects["nodes"] = [
            node(fake.node, address, ip=f"172.18.0.{11 + number}")
            for number, (fake, address) in enumerate(zip(fakes, addresses, strict=True))
        ]
        agents = Agents(reader)
        handlers = extension_handlers(reader, agents)
        session = await stack.enter_async_context(serving(await make_client(), extensions=handlers))
        yield session
        await agents.close()


async def capture(api, **request):
    async with api.post(PATH, json={"timeoutSeconds": 0.4, **request}) as response:
        assert response.status == 200, await response.text()
        assert response.content_type == "application/x-ndjson"
        return [json.loads(line) for line in (await response.text()).splitlines()]


async def test_frames_of_all_nodes_by_time(api, fakes):
    started, *frames = await capture(api, filter="port 80", snapLength=96)
    assert started == {"type": "started", "nodes": ["worker", "worker2"], "vxlanPort": 4789}
    assert [(each["node"], each["timeUnixNano"]) for each in frames] == [
        ("worker", 1),
        ("worker2", 2),
        ("worker", 3),
    ]
    assert base64.b64decode(frames[0]["data"]) == b"\0\xff"
    for fake in fakes:
        (asked,) = fake.requests
        assert (list(asked.places), asked.filter, asked.snap_bytes) == ([], "port 80", 96)
        async with asyncio.timeout(5):
            await fake.ended.wait()


async def test_a_frame_with_all_that_is_known_of_it(api, fakes):
    fakes[0].captured = [
        pb.CaptureResponse(
            frames=[frame(5, inbound=True, original_bytes=60, packet_id=7, comment="DROPPED")],
            dropped=[pb.CaptureDropped(place="vxlan", frames=9)],
        )
    ]
    _, dropped, found = await capture(api, node="worker")
    assert dropped == {"type": "dropped", "node": "worker", "place": "vxlan", "frames": 9}
    assert found == {
        "type": "frame",
        "node": "worker",
        "place": "host",
        "timeUnixNano": 5,
        "inbound": True,
        "data": "AP8=",
        "originalLength": 60,
        "packetId": 7,
        "comment": "DROPPED",
    }


async def test_the_place_of_a_pod_and_of_a_link(api, fakes):
    await capture(api, pod={"namespace": "default", "name": "web"})
    await capture(api, link=["worker", "worker2"])
    at_pod, at_link = fakes[0].requests
    assert (list(at_pod.places), list(at_pod.peers)) == (["pod/default/web"], [])
    assert (list(at_link.places), list(at_link.peers)) == (["vxlan"], ["172.18.0.12"])
    (other,) = fakes[1].requests
    assert (list(other.places), list(other.peers)) == (["vxlan"], ["172.18.0.11"])


async def test_a_node_that_cannot_is_a_warning(api, fakes):
    fakes[1].capture_refusal = (grpc.StatusCode.RESOURCE_EXHAUSTED, "8 captures run")
    lines = await capture(api)
    assert sorted(line["type"] for line in lines) == ["frame", "frame", "started", "warning"]
    warning = next(line for line in lines if line["type"] == "warning")
    assert warning["node"] == "worker2"
    assert "8 captures run" in warning["message"]


async def test_when_no_node_can_the_first_ones_reason_is_the_answer(api, fakes):
    for fake in fakes:
        fake.capture_refusal = (grpc.StatusCode.INVALID_ARGUMENT, "no place")
    async with api.post(PATH, json={}) as response:
        assert response.status == 400
        assert "no place" in (await json_of(response))["message"]


async def test_it_ends_when_all_nodes_ended(api, fakes):
    for fake in fakes:
        fake.capture_ends = True
    async with asyncio.timeout(5), api.post(PATH, json={}) as response:
        assert len((await response.text()).splitlines()) == 4


async def test_who_waits_hears_that_it_goes_on_and_who_left_is_noticed(api, fakes, monkeypatch):
    monkeypatch.setattr(capturing, "ALIVE_S", 0.02)
    for fake in fakes:
        fake.captured = []
    async with api.post(PATH, json={}) as response:
        await response.content.readline()
        assert json.loads(await response.content.readline()) == {"type": "alive"}
    async with asyncio.timeout(5):
        for fake in fakes:
            await fake.ended.wait()


@pytest.mark.parametrize(
    ("change", "request_", "code", "message"),
    [
        ({}, {"node": "nope"}, 404, 'nodes "nope" not found'),
        ({}, {"pod": {"namespace": "default", "name": "nope"}}, 404, 'pods "nope" not found'),
        ({}, {"link": ["worker", "nope"]}, 404, 'nodes "nope" not found'),
        ({"hostNetwork": True}, {"pod": {"namespace": "default", "name": "web"}}, 409,
         'pod "web" uses the network of its node: capture node/worker'),
        ({"nodeName": ""}, {"pod": {"namespace": "default", "name": "web"}}, 409,
         'pod "web" is not running'),
    ],
)  # fmt: skip
async def test_what_is_no_place_is_said(api, reader, change, request_, code, message):
    reader.objects["pods"][0]["spec"] |= change
    async with api.post(PATH, json=request_) as response:
        assert response.status == code
        assert message in (await json_of(response))["message"]


async def test_without_a_ready_node_there_is_nothing_to_capture(api, reader):
    for each in reader.objects["nodes"]:
        each["status"]["conditions"] = []
    async with api.post(PATH, json={}) as response:
        assert response.status == 409


async def test_captures_can_only_be_made(api):
    async with api.get(PATH) as response:
        assert response.status == 405
