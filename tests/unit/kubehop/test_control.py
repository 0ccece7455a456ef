import asyncio
import socket

import pytest

from kubehop.local.control import NoAnswer, ask, serve_control


def handle(request):
    return {"echo": request}


@pytest.fixture
def path(tmp_path):
    deep = tmp_path / ("d" * 120)  # longer than a unix socket's path may be
    deep.mkdir()
    return deep / "control.sock"


async def test_a_request_is_answered_at_a_path_of_any_length(path):
    async with serve_control(path, handle):
        answer = await asyncio.to_thread(ask, path, {"operation": "status"})

    assert answer == {"echo": {"operation": "status"}}


async def test_only_the_owner_may_connect(path):
    async with serve_control(path, handle):
        assert path.stat().st_mode & 0o777 == 0o600


async def test_garbage_ends_only_its_own_connection(path):
    def send_garbage():
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect("control.sock")
            connection.sendall(b"\xff{not json\n")
            return connection.recv(100)

    async with serve_control(path, handle):
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(path.parent)
            assert await asyncio.to_thread(send_garbage) == b""
        assert await asyncio.to_thread(ask, path, {}) == {"echo": {}}


def test_nobody_there_is_no_answer(path):
    with pytest.raises(NoAnswer, match="does not answer"):
        ask(path, {})
    with pytest.raises(NoAnswer, match="does not answer"):
        ask(path.parent / "missing" / "control.sock", {})
