import json

import pytest
from aiohttp import web

from kubehop.kubernetes import execute
from kubehop.kubernetes.client import ApiError, ApiUnreachable
from kubehop.kubernetes.credentials import load_credentials
from kubehop.kubernetes.execute import Executor
from tests.unit.kubehop.apiserver import Certificates

SUCCESS = json.dumps({"status": "Success"}).encode()


def failure(code):
    cause = {"reason": "ExitCode", "message": str(code)}
    status = {"status": "Failure", "reason": "NonZeroExitCode", "details": {"causes": [cause]}}
    return json.dumps(status).encode()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("pki"))


@pytest.fixture
async def server(certificates):
    """Sends `messages` to whoever executes; keeps what was asked."""

    async def execute(request):
        if app["refuse"]:
            raise web.HTTPNotFound
        app["asked"] = (request.path, request.query.getall("command"), dict(request.query))
        stream = web.WebSocketResponse(protocols=["v5.channel.k8s.io"])
        await stream.prepare(request)
        for message in app["messages"]:
            await stream.send_bytes(message)
        await stream.close()
        return stream

    app = {"messages": [], "refuse": False, "asked": None}
    application = web.Application()
    application.router.add_get("/{path:.*}", execute)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "localhost", 0, ssl_context=certificates.server_context())
    await site.start()
    app["url"] = f"https://localhost:{runner.addresses[0][1]}"
    yield app
    await runner.cleanup()


@pytest.fixture
async def executor(server, certificates, tmp_path):
    path = tmp_path / "kubeconfig"
    path.write_text(certificates.kubeconfig(server["url"]))
    async with Executor(load_credentials(path)) as made:
        yield made


async def test_output_and_exit_code_are_kept_apart(executor, server):
    server["messages"] = [b"\x01ab", b"\x02oops", b"\x01c", b"\x01", b"\x03" + failure(3)]

    executed = await executor.run("default", "web", ("sh", "-c", "x y"))

    assert (executed.exit_code, executed.stdout, executed.stderr) == (3, b"abc", b"oops")
    path, command, query = server["asked"]
    assert path == "/api/v1/namespaces/default/pods/web/exec"
    assert command == ["sh", "-c", "x y"]
    assert (query["stdout"], query["stderr"]) == ("true", "true")


async def test_success_is_exit_code_0(executor, server):
    server["messages"] = [b"\x03" + SUCCESS]

    assert (await executor.run("default", "web", ("true",))).exit_code == 0


async def test_a_command_that_could_not_start_is_an_error(executor, server):
    status = {"status": "Failure", "code": 500, "message": "no such program"}
    server["messages"] = [b"\x03" + json.dumps(status).encode()]

    with pytest.raises(ApiError, match="no such program"):
        await executor.run("default", "web", ("nope",))


async def test_a_stream_without_a_status_was_cut_off(executor, server):
    server["messages"] = [b"\x01half"]

    with pytest.raises(ApiUnreachable, match="cut off before its end"):
        await executor.run("default", "web", ("cat",))


async def test_a_refusal_is_an_error(executor, server):
    server["refuse"] = True

    with pytest.raises(ApiError, match="cannot run a command in web") as refused:
        await executor.run("default", "web", ("true",))

    assert refused.value.code == 404


@pytest.mark.parametrize(("descriptors", "asked"), [([5, 5, -1], 3), ([-1], 1), ([5] * 100, 1)])
async def test_it_is_waited_for_the_sockets_end_but_not_for_ever(descriptors, asked, monkeypatch):
    monkeypatch.setattr(execute, "_CLOSE_PATIENCE_S", 0 if len(descriptors) == 100 else 30)
    answers = iter(descriptors)

    class Socket:
        count = 0

        def fileno(self):
            self.count += 1
            return next(answers)

    socket = Socket()
    await execute._closed(socket)
    assert socket.count == asked
    await execute._closed(None)
