import json

import pytest

from controlplane.api.streams.channels import (
    V4,
    V5,
    encode_output,
    encode_status,
    exit_status,
    failure_status,
    parse_input,
)
from controlplane.rpc.agent_types import Exit, Output, Resize, Stdin, StdinClosed


@pytest.mark.parametrize(
    ("message", "protocol", "expected"),
    [
        (b"\0hello", V4, Stdin(b"hello")),
        (b"\0", V5, None),
        (b"", V5, None),
        (b'\4{"Width":80,"Height":24}', V5, Resize(80, 24)),
        (b'\4{"Width":0,"Height":24}', V5, None),
        (b'\4{"Width":true,"Height":24}', V5, None),
        (b'\4{"Width":80}', V5, None),
        (b"\4[", V5, None),
        (b"\4[1]", V5, None),
        (b"\xff\0", V5, StdinClosed()),
        (b"\xff\0", V4, None),
        (b"\xff\1", V5, None),
        (b"\xff", V5, None),
        (b"\1x", V5, None),
    ],
)
def test_input(message, protocol, expected):
    assert parse_input(message, protocol) == expected


def test_output():
    assert encode_output(Output("stdout", b"x")) == b"\1x"
    assert encode_output(Output("stderr", b"y")) == b"\2y"


def test_the_status_of_an_exit():
    assert encode_status(exit_status(Exit(0))) == b'\3{"metadata":{},"status":"Success"}'
    status = json.loads(encode_status(exit_status(Exit(3)))[1:])
    assert (status["status"], status["reason"]) == ("Failure", "NonZeroExitCode")
    assert status["details"]["causes"] == [{"reason": "ExitCode", "message": "3"}]


def test_the_status_of_what_could_not_start():
    status = exit_status(Exit(127, 'exec: "x": not found'))
    assert status == failure_status('error executing command in container: exec: "x": not found')
    assert (status["reason"], status["code"]) == ("InternalError", 500)
