import asyncio
import json

import pytest

from controlplane.api.connections import stream_handlers
from controlplane.api.streams.spdy.frames import Ping, encode_ping
from controlplane.rpc.agents import Agents
from protos.gen.v1 import nodeagent_pb2 as pb
from tests.support.fake_agent import FakeAgent, FakeReader, node, pod, serve_agent
from tests.support.spdy_client import upgrade
from tests.unit.controlplane.support import make_client, serving

EXEC = "/api/v1/namespaces/default/pods/web/exec?command=x&stdout=true&stderr=true"


@pytest.fixture
async def fake():
    return FakeAgent()


@pytest.fixture
async def api(fake):
    async with serve_agent(fake) as address:
        reader = FakeReader(pods=[pod()], nodes=[node("worker", address)])
        agents = Agents(reader)
        async with serving(await make_client(), streams=stream_handlers(reader, agents)) as api:
            yield api
        await agents.close()


def connect(api, path=EXEC, **options):
    url = api._base_url
    return upgrade(url.host, url.port, path, **options)


async def test_outputs_and_the_exit_code(fake, api):
    fake.outputs = [
        pb.ExecResponse(stdout=b"o" * 100_000),
        pb.ExecResponse(stderr=b"err"),
        pb.ExecResponse(exit=pb.ExecExit(code=7)),
    ]
    async with connect(api) as (head, client):
        assert head.startswith("HTTP/1.1 101 ")
        assert "X-Stream-Protocol-Version: v4.channel.k8s.io" in head
        client.open("error", "stdout", "stderr")
        found = await client.collect()
    assert (found["stdout"], found["stderr"]) == (b"o" * 100_000, b"err")
    assert json.loads(found["error"])["details"]["causes"][0]["message"] == "7"


async def test_stdin_resize_and_half_close(fake, api):
    fake.echo = True
    path = EXEC.replace("&stderr=true", "&stdin=true&tty=true")
    async with connect(api, path) as (_, client):
        client.open("error", "stdin", "stdout", "resize")
        client.write("resize", b'{"Width":80,"He')
        client.write("resize", b'ight":24}\n')
        client.write("stdin", b"hello")
        client.write("stdin", b"", fin=True)
        found = await client.collect()
    assert found["stdout"] == b"hello"
    assert json.loads(found["error"])["status"] == "Success"
    sizes = [r.resize.width for r in fake.requests[1:] if r.WhichOneof("message") == "resize"]
    assert sizes == [80]


async def test_pings_come_back(fake, api):
    fake.hang = True
    async with connect(api) as (_, client):
        client.open("error", "stdout", "stderr")
        client.writer.write(encode_ping(9))
        async with asyncio.timeout(5):
            async for frame in client.frames():
                if frame == Ping(9):
                    break


@pytest.mark.parametrize("ending", ["close", "garbage"])
async def test_a_client_that_leaves_ends_the_command(fake, api, ending):
    fake.hang = True
    async with connect(api) as (_, client):
        client.open("error", "stdout", "stderr")
        async with asyncio.timeout(5):
            await fake.fetched.wait()
        if ending == "garbage":
            client.writer.write(b"\x80\x09" + bytes(10))
        else:
            client.writer.close()
        async with asyncio.timeout(5):
            await fake.ended.wait()


async def test_a_client_without_streams_runs_nothing(fake, api, monkeypatch):
    monkeypatch.setattr("controlplane.api.streams.spdy.connection.OPEN_TIMEOUT_S", 0.05)
    async with connect(api) as (_, client):
        assert await client.collect() == {}
    assert fake.requests == []


async def test_other_protocols_are_refused(api):
    async with connect(api, protocol="channel.k8s.io") as (head, _):
        assert head.startswith("HTTP/1.1 403 ")
