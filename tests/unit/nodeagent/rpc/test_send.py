import asyncio
import json
import socket

import grpc
import pytest

from nodeagent.rpc import send as module
from nodeagent.rpc.send import MAX_RUNNING, Sends
from protos.gen.v1 import nodeagent_pb2 as pb


class Aborted(Exception):
    pass


class Context:
    async def abort(self, code, text):
        raise Aborted(code, text)


async def ask(sends, *arguments):
    return await sends.send(pb.SendRequest(arguments=arguments), Context())


async def test_the_program_is_run_on_the_node():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        answer = await ask(Sends(), "-protocol=tcp", f"-port={port}", "127.0.0.1")
    assert answer.code == 0
    lines = [json.loads(line) for line in answer.stdout.splitlines()]
    assert [line["type"] for line in lines] == ["sending", "reply"]


async def test_wrong_arguments_are_refused():
    with pytest.raises(Aborted) as raised:
        await ask(Sends(), "-port=5")
    code, text = raised.value.args
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "usage" in text


async def test_only_so_many_at_once(monkeypatch):
    monkeypatch.setattr(module, "PROGRAM", ("sleep",))
    sends = Sends()
    running = [asyncio.ensure_future(ask(sends, "60")) for _ in range(MAX_RUNNING)]
    await asyncio.sleep(0)
    with pytest.raises(Aborted) as raised:
        await ask(sends, "60")
    assert raised.value.args[0] is grpc.StatusCode.RESOURCE_EXHAUSTED
    for task in running:
        task.cancel()
    ended = await asyncio.gather(*running, return_exceptions=True)
    assert all(isinstance(error, asyncio.CancelledError) for error in ended)
