import os
import socket

import pytest

from nodeagent.workloads.messages import INLINE_MAX_BYTES, receive, send
from nodeagent.workloads.spec import CommandSpec, ContainerSpec, ExecSpec, Mount, SandboxSpec


@pytest.fixture
def pair():
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with left, right:
        yield left, right


@pytest.mark.parametrize("size", [0, INLINE_MAX_BYTES - 100, 3_000_000])
def test_messages_of_any_size_with_descriptors(pair, size):
    read, write = os.pipe()
    send(pair[0], {"text": "x" * size}, [write])
    os.close(write)
    message, fds = receive(pair[1])
    assert message == {"text": "x" * size}
    assert len(fds) == 1
    os.write(fds[0], b"hi")
    os.close(fds[0])
    assert os.read(read, 10) == b"hi"
    os.close(read)


def test_the_end(pair):
    pair[0].close()
    assert receive(pair[1]) is None


def test_specs_travel_as_json(pair):
    command = CommandSpec(("a",), {"B": "c"}, groups=(1,), capabilities=("KILL",))
    specs = [
        SandboxSpec("h", "/s", sysctls={"a": "b"}),
        ContainerSpec(1, "/s", "/s/c", command, (Mount("/a", "/b", True),)),
        ExecSpec(2, CommandSpec(("x",), {})),
    ]
    for spec in specs:
        send(pair[0], spec.to_json())
        message, _fds = receive(pair[1])
        assert type(spec).from_json(message) == spec
