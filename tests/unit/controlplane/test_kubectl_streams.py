"""Real kubectl binaries against logs, exec and attach; the agent behind them is a fake."""

import asyncio
import json

import pytest

from controlplane.api.connections import stream_handlers
from controlplane.rpc.agents import Agents
from protos.gen.v1 import nodeagent_pb2 as pb
from tests.support.fake_agent import FakeAgent, node, pod, serve_agent
from tests.unit.controlplane.support import make_client, serving
from tests.unit.controlplane.test_kubectl import binaries, kubeconfig

pytestmark = pytest.mark.kubectl


@pytest.fixture
async def fake():
    return FakeAgent()


@pytest.fixture(params=sorted(binaries()) or ["none"])
async def kubectl(request, tmp_path, fake):
    """Runs kubectl with these arguments and returns (exit code, stdout, stderr)."""
    binary = binaries().get(request.param)
    if binary is None:
        pytest.skip("no kubectl on this machine")
    client = await make_client()
    async with serve_agent(fake) as address:
        await client.create("nodes", node("worker", address))
        web = pod()
        web["spec"]["containers"][0]["image"] = "x"
        await client.create("pods", web)
        agents = Agents(client)
        handlers = stream_handlers(client, agents)
        async with serving(client, streams=handlers) as session:
            config = tmp_path / "kubeconfig"
            config.write_text(json.dumps(kubeconfig(str(session._base_url))))

            async def run(*arguments, stdin=b""):
                process = await asyncio.create_subprocess_exec(
                    binary,
                    f"--kubeconfig={config}",
                    f"--cache-dir={tmp_path / 'cache'}",
                    *arguments,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.PIPE,
                )
                async with asyncio.timeout(30):
                    out, errors = await process.communicate(stdin)
                return process.returncode, out.decode(), errors.decode()

            yield run
        await agents.close()


async def test_logs(kubectl, fake):
    fake.log = [b"one\n", b"two\n"]
    assert await kubectl("logs", "web", "--tail=2", "--timestamps") == (0, "one\ntwo\n", "")
    assert (fake.requests[0].tail_lines, fake.requests[0].timestamps) == (2, True)


async def test_exec_keeps_streams_apart_and_the_exit_code(kubectl, fake):
    fake.outputs = [
        pb.ExecResponse(stdout=b"out\n"),
        pb.ExecResponse(stderr=b"err\n"),
        pb.ExecResponse(exit=pb.ExecExit(code=3)),
    ]
    code, out, errors = await kubectl("exec", "web", "--", "sh", "-c", "exit 3")
    assert (code, out) == (3, "out\n")
    assert errors == "err\ncommand terminated with exit code 3\n"
    assert list(fake.requests[0].command) == ["sh", "-c", "exit 3"]


async def test_stdin_of_a_megabyte_comes_back(kubectl, fake):
    fake.echo = True
    text = b"0123456789abcdef" * 65536
    code, out, _ = await kubectl("exec", "-i", "web", "--", "cat", stdin=text)
    assert (code, out.encode() == text) == (0, True)


async def test_attach(kubectl, fake):
    fake.echo = True
    code, out, _ = await kubectl("attach", "-i", "web", stdin=b"hello")
    assert (code, out) == (0, "hello")
    assert fake.requests[0].attach


async def test_a_command_that_cannot_start(kubectl, fake):
    error = 'exec: "x": executable file not found in $PATH'
    fake.outputs = [pb.ExecResponse(exit=pb.ExecExit(code=127, error=error))]
    code, _, errors = await kubectl("exec", "web", "--", "x")
    assert (code, error in errors) == (1, True)
