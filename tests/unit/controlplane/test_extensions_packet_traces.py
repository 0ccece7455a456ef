import asyncio
import json
from contextlib import AsyncExitStack

import grpc
import pytest

from controlplane.api.connections import extension_handlers
from controlplane.api.errors import StatusError
from controlplane.api.extensions.packet_request import (
    Destination,
    FromNode,
    FromPod,
    PacketTrace,
    parse_packet_request,
)
from controlplane.rpc.agents import Agents
from protos.gen.v1 import nodeagent_pb2 as pb
from tests.support.fake_agent import FakeAgent, FakeReader, node, pod, serve_agent
from tests.unit.controlplane.support import make_client, serving

TRACES = "/apis/kubehop.dev/v1alpha1/traces"
FLOW = pb.FlowTuple(
    protocol="TCP",
    source="10.244.1.2",
    source_port=40000,
    destination="10.96.0.5",
    destination_port=80,
)
SENDING = {"type": "sending", "protocol": "TCP", "source": "10.244.1.2", "sourcePort": 40000,
           "destination": "10.96.0.5", "destinationPort": 80, "timeUnixNs": 1}  # fmt: skip
REPLY = {"type": "reply", "outcome": "answered", "text": "SYN-ACK", "sender": "", "ms": 1}
FROM_POD = {"pod": {"namespace": "default", "name": "web"}}
TO = {"host": "10.96.0.5", "port": 80, "protocol": "TCP"}


def said(*lines):
    return pb.ExecResponse(stdout=b"".join(json.dumps(line).encode() + b"\n" for line in lines))


def packet(name, ns, verdict="Encap", **fields):
    hop = pb.Hop(stage="encap", rule="r", before=FLOW, after=FLOW, why="w", time_unix_ns=ns + 1)
    return pb.TracedPacket(node=name, time_unix_ns=ns, hops=[hop], verdict=verdict, **fields)


@pytest.fixture
async def fakes():
    fetched = asyncio.Event()
    done = [said(SENDING, REPLY), pb.ExecResponse(exit=pb.ExecExit(code=0))]
    first = FakeAgent("worker", outputs=done, fetched=fetched)
    outer = pb.OuterHeader(
        source="172.18.0.11", source_port=5, destination="172.18.0.12", destination_port=4789,
        vni=1, ttl=64, destination_mac="0a:00:00:00:00:01",
    )  # fmt: skip
    tracked = pb.TrackedFlow(state="SYN_SENT", is_new=True, original=FLOW, reply=FLOW)
    first.packets = [packet("worker", 1_000_000_000, ttl=64, outer=outer, conntrack=tracked)]
    second = FakeAgent("worker2", fetched=fetched)
    second.packets = [packet("worker2", 1_000_000_500, "Deliver")]
    return first, second


@pytest.fixture
def reader():
    return FakeReader(pods=[pod()])


@pytest.fixture
async def api(fakes, reader):
    async with AsyncExitStack() as stack:
        addresses = [await stack.enter_async_context(serve_agent(fake)) for fake in fakes]
        reader.objects["nodes"] = [
            node(fake.node, address) for fake, address in zip(fakes, addresses, strict=True)
        ]
        agents = Agents(reader)
        handlers = extension_handlers(reader, agents)
        session = await stack.enter_async_context(serving(await make_client(), extensions=handlers))
        yield session
        await agents.close()


async def trace(api, status=200, **body):
    async with api.post(TRACES, json=body) as response:
        text = await response.text()
        assert response.status == status, text
        return [json.loads(line) for line in text.splitlines()]


async def test_a_pod_sends_while_all_nodes_watch(fakes, api):
    lines = await trace(api, **{"from": FROM_POD, "to": TO, "addresses": ["10.96.0.5"]})
    assert [line["type"] for line in lines] == [
        "armed", "sending", "reply", "packet", "packet", "result",
    ]  # fmt: skip
    armed, _, _, first, second, _ = lines
    assert armed["nodes"] == ["worker", "worker2"]
    assert len(armed["id"]) == 8
    assert (first["node"], second["node"]) == ("worker", "worker2")
    assert first["hops"][0]["time"] == "1970-01-01T00:00:01.000000001Z"
    assert first["ttl"] == 64
    assert first["outer"]["destinationMAC"] == "0a:00:00:00:00:01"
    assert first["conntrack"]["state"] == "SYN_SENT"
    live, start = fakes[0].requests
    assert list(live.live.addresses) == ["10.244.1.2", "10.96.0.5"]
    assert start.command[0] == "/opt/kubehop/libexec/kubehop-packet"
    assert f"-id={armed['id']}" in start.command
    assert start.command[-1] == "10.96.0.5"


async def test_a_node_sends_itself(fakes, api):
    lines = await trace(api, **{"from": {"node": "worker2"}, "to": TO})
    assert lines[-1]["exitCode"] == 0
    assert [type(request).__name__ for request in fakes[1].requests] == [
        "TraceRequest",
        "SendRequest",
    ]


async def test_who_is_dropped_does_not_wait_for_the_timeout(fakes, api):
    fakes[0].outputs, fakes[0].hang = [said(SENDING)], True
    fakes[0].packets = [packet("worker", 1, "Drop", verdict_detail="POLICY_DENIED")]
    lines = await asyncio.wait_for(
        trace(api, **{"from": FROM_POD, "to": TO, "timeoutSeconds": 60}), 30
    )
    assert [line["type"] for line in lines] == ["armed", "sending", "packet", "packet", "result"]
    assert lines[-1]["exitCode"] == 124


async def test_a_program_that_never_ends_is_cut_off(fakes, api, monkeypatch):
    monkeypatch.setattr("controlplane.api.extensions.packet_tracing._MARGIN_S", 0.1)
    fakes[0].outputs, fakes[0].hang = [said(SENDING), pb.ExecResponse(stdout=b"half a li")], True
    lines = await trace(api, **{"from": FROM_POD, "to": TO, "timeoutSeconds": 0.3})
    assert [line["type"] for line in lines if line["type"] != "packet"] == [
        "armed", "sending", "result",
    ]  # fmt: skip


async def test_a_packet_that_cannot_be_sent_is_an_error(fakes, api):
    fakes[0].refusal = fakes[1].refusal = (grpc.StatusCode.FAILED_PRECONDITION, "not running")
    [status] = await trace(api, 400, **{"from": FROM_POD, "to": TO})
    assert status["message"] == "not running"
    [status] = await trace(api, 400, **{"from": {"node": "worker"}, "to": TO})
    assert status["message"] == "not running"
    await trace(api, 404, **{"from": {"node": "nobody"}, "to": TO})


async def test_foreign_output_of_the_program_is_passed_over(fakes, api):
    fakes[0].outputs.insert(0, pb.ExecResponse(stdout=b"noise\n[1]\n{}\n"))
    lines = await trace(api, **{"from": FROM_POD, "to": TO})
    assert [line["type"] for line in lines][:3] == ["armed", "sending", "reply"]


async def test_watching_tells_what_passes_until_the_reader_leaves(fakes, api):
    body = {"addresses": ["10.96.0.5"], "timeoutSeconds": 60}
    async with api.post(TRACES, json=body) as response:
        armed = json.loads(await response.content.readline())
        assert armed["type"] == "armed"
        fakes[0].fetched.set()
        seen = {json.loads(await response.content.readline())["node"] for _ in range(2)}
    assert seen == {"worker", "worker2"}


async def test_watching_ends_at_its_timeout_and_says_who_did_not_watch(fakes, api):
    fakes[1].trace_refusal = (grpc.StatusCode.UNAVAILABLE, "gone")
    lines = await trace(api, addresses=["10.96.0.5"], timeoutSeconds=0.3)
    assert lines[0]["nodes"] == ["worker"]
    assert {(line["node"]) for line in lines if line["type"] == "warning"} == {"worker2"}


async def test_other_verbs_are_not_served(api):
    async with api.get(TRACES) as response:
        assert response.status == 405


def parsed(**body):
    return parse_packet_request(json.dumps(body).encode())


def test_requests():
    assert parsed(**{"from": FROM_POD, "to": TO}) == PacketTrace(
        FromPod("default", "web"), Destination("10.96.0.5", 80, "TCP"), (), 10.0
    )
    asked = parsed(**{"from": {"node": "n"}, "to": {"host": "web", "protocol": "ICMP", "port": 5}})
    assert asked.source == FromNode("n")
    assert asked.destination == Destination("web", 0, "ICMP")
    assert parsed(addresses=["FD00::1"], timeoutSeconds=1).addresses == ("fd00::1",)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "addresses: at least one"),
        ({"from": FROM_POD}, "both of from and to"),
        ({"to": TO}, "both of from and to"),
        ({"from": {"pod": "x"}, "to": TO}, "from: not like"),
        ({"from": FROM_POD, "to": "x"}, "to: not like"),
        ({"from": FROM_POD, "to": {**TO, "host": "-x"}}, "to.host"),
        ({"from": FROM_POD, "to": {**TO, "host": "x" * 300}}, "to.host"),
        ({"from": FROM_POD, "to": {**TO, "protocol": "SCTP"}}, "to.protocol"),
        ({"from": FROM_POD, "to": {**TO, "port": True}}, "to.port"),
        ({"from": FROM_POD, "to": {**TO, "port": 65536}}, "to.port"),
        ({"addresses": "10.0.0.1"}, "addresses: not a list"),
        ({"addresses": ["nonsense"]}, "addresses: "),
        ({"addresses": ["10.0.0.1"], "timeoutSeconds": "5"}, "timeoutSeconds"),
        ({"addresses": ["10.0.0.1"], "timeoutSeconds": 500}, "timeoutSeconds"),
    ],
)
def test_bad_requests_name_the_field(body, message):
    with pytest.raises(StatusError) as raised:
        parsed(**body)
    assert raised.value.code == 400
    assert message in raised.value.message


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff"])
def test_what_is_no_object_is_refused(body):
    with pytest.raises(StatusError, match="the body is no"):
        parse_packet_request(body)
