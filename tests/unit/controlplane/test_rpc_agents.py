import asyncio
import contextlib

import grpc
import pytest

from controlplane.api.errors import StatusError
from controlplane.rpc import agents as module
from controlplane.rpc.agent_types import (
    ContainerTarget,
    ExecCommand,
    Exit,
    Flow,
    LogQuery,
    Output,
    Resize,
    Stdin,
    StdinClosed,
)
from controlplane.rpc.agents import Agents
from protos.gen.v1 import nodeagent_pb2 as pb
from tests.support.fake_agent import FakeAgent, FakeReader, node, serve_agent

TARGET = ContainerTarget("default", "web", "c")


@pytest.fixture
async def fake():
    return FakeAgent()


@pytest.fixture
async def agent(fake):
    async with serve_agent(fake) as address:
        agents = Agents(FakeReader(nodes=[node("worker", address)]))
        yield await agents.at("worker")
        await agents.close()


async def inputs(*items):
    for item in items:
        yield item


async def test_exec_carries_everything_both_ways(fake, agent):
    fake.outputs = [pb.ExecResponse(stderr=b"e")]
    fake.echo = True
    command = ExecCommand(TARGET, ("sh", "-c", "x"), stdin=True, tty=True)
    sent = inputs(Resize(80, 24), Stdin(b"hello"), StdinClosed())
    found = [output async for output in agent.exec(command, sent)]
    assert found == [Output("stderr", b"e"), Output("stdout", b"hello"), Exit(0)]
    start, resize, *_ = fake.requests
    assert (start.target.container, tuple(start.command)) == ("c", ("sh", "-c", "x"))
    assert (start.stdin, start.tty, start.attach) == (True, True, False)
    assert (resize.resize.width, resize.resize.height) == (80, 24)


async def test_closing_the_iterator_ends_the_call(fake, agent):
    fake.outputs, fake.hang = [pb.ExecResponse(stdout=b"x")], True
    async with contextlib.aclosing(agent.exec(ExecCommand(TARGET), inputs())) as outputs:
        assert await anext(outputs) == Output("stdout", b"x")
    async with asyncio.timeout(5):
        await fake.ended.wait()


async def test_logs(fake, agent):
    fake.log = [b"a\n", b"b\n"]
    query = LogQuery(follow=True, tail_lines=5, since_unix_ns=7, limit_bytes=9, timestamps=True)
    assert [part async for part in agent.logs(TARGET, query)] == [b"a\n", b"b\n"]
    [request] = fake.requests
    assert (request.follow, request.previous, request.timestamps) == (True, False, True)
    assert (request.tail_lines, request.since_unix_ns, request.limit_bytes) == (5, 7, 9)


async def test_dump_and_probe(fake, agent):
    dump = await agent.dump(("services",))
    assert (dump.revision, dump.tables[0].rows) == (7, (("10.96.0.1", "443"),))
    hop = pb.Hop(stage="dnat", rule="r", before=pb.FlowTuple(protocol="TCP"), why="w")
    fake.packets = [pb.TracedPacket(node="worker", hops=[hop], verdict="Deliver")]
    packet = await agent.probe("default", "web", Flow("TCP", "", 0, "10.96.0.1", 80))
    assert (packet.verdict, packet.hops[0].after) == ("Deliver", None)
    assert packet.hops[0].before == Flow("TCP", "", 0, "", 0)
    assert fake.requests[-1].probe.flow.destination_port == 80


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (grpc.StatusCode.NOT_FOUND, 404),
        (grpc.StatusCode.FAILED_PRECONDITION, 400),
        (grpc.StatusCode.INVALID_ARGUMENT, 400),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, 429),
        (grpc.StatusCode.DEADLINE_EXCEEDED, 504),
        (grpc.StatusCode.INTERNAL, 500),
    ],
)
async def test_refusals(fake, agent, code, status):
    fake.refusal = (code, "why not")
    with pytest.raises(StatusError, match="why not") as raised:
        await agent.dump(())
    assert raised.value.code == status
    with pytest.raises(StatusError, match="why not"):
        await anext(agent.logs(TARGET, LogQuery()))
    with pytest.raises(StatusError, match="why not"):
        await anext(agent.exec(ExecCommand(TARGET), inputs()))


async def test_no_agent_and_a_gone_agent(monkeypatch):
    monkeypatch.setattr(module, "CONNECT_TIMEOUT_S", 0.2)
    async with serve_agent(FakeAgent()) as address:
        pass
    bare = {"metadata": {"name": "bare"}}
    agents = Agents(FakeReader(nodes=[bare, node("gone", address)]))
    with pytest.raises(StatusError, match="error dialing backend: node bare has no agent"):
        await agents.at("bare")
    with pytest.raises(StatusError, match=f"error dialing backend: dial tcp {address}") as raised:
        await agents.at("gone")
    assert raised.value.code == 500
    with pytest.raises(StatusError, match="not found"):
        await agents.at("nope")
    await agents.close()


async def test_channels_are_kept_and_bounded(monkeypatch):
    monkeypatch.setattr(module, "MAX_CHANNELS", 1)
    one, two = FakeAgent(log=[b"x"]), FakeAgent()
    async with serve_agent(one) as first, serve_agent(two) as second:
        agents = Agents(FakeReader(nodes=[node("one", first), node("two", second)]))
        kept = await agents.at("one")
        parts = kept.logs(TARGET, LogQuery())
        await agents.at("two")
        assert [part async for part in parts] == [b"x"], "calls outlive the place in the cache"
        assert len(agents._channels) == 1
        await agents.close()
