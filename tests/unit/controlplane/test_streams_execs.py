import asyncio
import json

import grpc
import pytest
from aiohttp import WSMsgType
from multidict import MultiDict

from controlplane.api.connections import stream_handlers
from controlplane.api.errors import StatusError
from controlplane.api.streams.channels import V4, V5
from controlplane.api.streams.execs import parse_options
from controlplane.rpc.agents import Agents
from protos.gen.v1 import nodeagent_pb2 as pb
from tests.support.fake_agent import FakeAgent, FakeReader, node, pod, serve_agent
from tests.unit.controlplane.support import json_of, make_client, serving

EXEC = "/api/v1/namespaces/default/pods/web/exec"
ATTACH = "/api/v1/namespaces/default/pods/web/attach"
ALL = [("stdin", "true"), ("stdout", "true"), ("stderr", "true")]
OUT = [("stdout", "true"), ("stderr", "true")]
COMMAND = [("command", "echo"), ("command", "hi")]


@pytest.fixture
async def fake():
    return FakeAgent()


@pytest.fixture
def reader():
    return FakeReader(pods=[pod()])


@pytest.fixture
async def api(fake, reader):
    async with serve_agent(fake) as address:
        reader.objects["nodes"] = [node("worker", address)]
        agents = Agents(reader)
        handlers = stream_handlers(reader, agents)
        async with serving(await make_client(), streams=handlers) as session:
            yield session
        await agents.close()


def connect(api, path=EXEC, query=(), protocols=(V5,)):
    return api.ws_connect(path, params=MultiDict(query), protocols=protocols)


async def messages(socket):
    found = []
    async with asyncio.timeout(10):
        async for message in socket:
            assert message.type == WSMsgType.BINARY
            found.append(message.data)
    return found


async def test_outputs_then_the_status_then_the_close(fake, api):
    fake.outputs = [
        pb.ExecResponse(stdout=b"out"),
        pb.ExecResponse(stderr=b"err"),
        pb.ExecResponse(exit=pb.ExecExit(code=3)),
    ]
    async with connect(api, query=[*COMMAND, *OUT]) as socket:
        assert socket.protocol == V5
        opened, out, err, status = await messages(socket)
    assert (opened, out, err) == (b"\1", b"\1out", b"\2err")
    assert json.loads(status[1:])["details"]["causes"][0]["message"] == "3"
    start = fake.requests[0]
    assert (tuple(start.command), start.stdin, start.attach) == (("echo", "hi"), False, False)


@pytest.mark.parametrize("path", [EXEC, ATTACH])
async def test_stdin_and_its_half_close(fake, api, path):
    fake.echo = True
    async with connect(api, path, [*COMMAND, *ALL]) as socket:
        await socket.send_bytes(b"\0hello")
        assert await socket.receive_bytes() == b"\1"
        assert await socket.receive_bytes() == b"\1hello"
        await socket.send_bytes(b'\4{"Width":100,"Height":50}')
        await socket.send_bytes(b"\xff\0")
        [status] = await messages(socket)
    assert json.loads(status[1:])["status"] == "Success"
    assert fake.requests[0].attach == (path == ATTACH)
    assert fake.requests[2].resize.width == 100


async def test_a_client_of_version_4(fake, api):
    fake.outputs = [pb.ExecResponse(exit=pb.ExecExit(code=0))]
    async with connect(api, query=[*COMMAND, *OUT], protocols=(V4,)) as socket:
        assert socket.protocol == V4
        assert len(await messages(socket)) == 2


async def test_streams_that_were_not_asked_for_stay_away(fake, api):
    fake.outputs = [
        pb.ExecResponse(stdout=b"out"),
        pb.ExecResponse(stderr=b"err"),
        pb.ExecResponse(exit=pb.ExecExit(code=0)),
    ]
    async with connect(api, query=[*COMMAND, ("stderr", "true")]) as socket:
        opened, err, _ = await messages(socket)
    assert (opened, err) == (b"\2", b"\2err")


async def test_a_client_that_leaves_ends_the_command(fake, api):
    fake.outputs, fake.hang = [pb.ExecResponse(stdout=b"x")], True
    async with connect(api, query=[*COMMAND, *ALL]) as socket:
        await socket.receive_bytes()
        await socket.receive_bytes()
    async with asyncio.timeout(5):
        await fake.ended.wait()


@pytest.mark.parametrize(
    ("outputs", "refusal", "text"),
    [
        ([], (grpc.StatusCode.FAILED_PRECONDITION, "container c is not running"), "is not running"),
        ([], None, "without an exit code"),
        ([pb.ExecResponse(exit=pb.ExecExit(code=127, error="no such file"))], None, "no such file"),
    ],
)
async def test_failures_arrive_on_the_error_channel(fake, api, outputs, refusal, text):
    fake.outputs, fake.refusal = outputs, refusal
    async with connect(api, query=[*COMMAND, *OUT]) as socket:
        status = json.loads((await messages(socket))[-1][1:])
    assert (status["status"], status["reason"]) == ("Failure", "InternalError")
    assert text in status["message"]


@pytest.mark.parametrize(
    ("query", "headers", "code", "text"),
    [
        ([*COMMAND, *OUT], {}, 400, "Upgrade request required"),
        (OUT, {}, 422, "command: Required value"),
        (COMMAND, {}, 400, "at least 1 of stdin, stdout, stderr"),
        ([*COMMAND, *OUT, ("container", "x")], {}, 400, "container x is not valid for pod web"),
        (
            [*COMMAND, *OUT],
            {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Protocol": "v1"},
            400,
            "none of these protocols was offered",
        ),
    ],
)
async def test_refusals_before_the_upgrade(api, query, headers, code, text):
    async with api.get(EXEC, params=MultiDict(query), headers=headers) as response:
        status = await json_of(response)
    assert response.status == code
    assert text in status["message"]


async def test_pods_that_do_not_run(api, reader):
    reader.objects["pods"][0]["status"]["phase"] = "Succeeded"
    async with api.get(EXEC, params=MultiDict([*COMMAND, *OUT])) as response:
        assert "completed pod; current phase is Succeeded" in (await json_of(response))["message"]
    del reader.objects["pods"][0]["spec"]["nodeName"]
    async with api.get(EXEC, params=MultiDict([*COMMAND, *OUT])) as response:
        assert "does not have a host assigned" in (await json_of(response))["message"]


def test_attach_has_no_command():
    options = parse_options(MultiDict([*COMMAND, *OUT]), attach=True)
    assert options.command == ()
    assert options.outputs == {"stdout", "stderr"}
    with pytest.raises(StatusError):
        parse_options(MultiDict(), attach=True)
