"""Exec and attach as channels in WebSocket messages: `v4.channel.k8s.io`, `v5.channel.k8s.io`.

The first byte of a binary message names the channel. Version 5 adds: channel 255 and one byte
close the channel which that byte names. Pure: bytes in, values out.
Source: k8s.io/apimachinery pkg/util/remotecommand and KEP-4006.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from controlplane.rpc.agent_types import Output, Resize, Stdin, StdinClosed

if TYPE_CHECKING:
    from controlplane.rpc.agent_types import ExecInput, Exit

V4 = "v4.channel.k8s.io"
V5 = "v5.channel.k8s.io"
PROTOCOLS = (V5, V4)
"""In order of preference."""

STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
_OUTPUTS = {"stdout": STDOUT, "stderr": STDERR}
_MAX_TERMINAL_SIZE = 0xFFFF


def parse_input(message: bytes, protocol: str) -> ExecInput | None:
    """What a client's message says, None for one that says nothing to a command.

    Never raises: a terminal size or a channel that makes no sense is ignored, as by a kubelet.
    """
    if not message:
        return None
    channel, data = message[0], message[1:]
    if channel == STDIN:
        return Stdin(data) if data else None
    if channel == RESIZE:
        return parse_resize(data)
    if channel == CLOSE and protocol == V5 and data == bytes((STDIN,)):
        return StdinClosed()
    return None


def parse_resize(data: bytes) -> Resize | None:
    """A terminal size as `{"Width": 80, "Height": 24}`, None when it is none."""
    try:
        size = json.loads(data)
        width, height = size["Width"], size["Height"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if all(type(n) is int and 0 < n <= _MAX_TERMINAL_SIZE for n in (width, height)):
        return Resize(width, height)
    return None


def encode_output(output: Output) -> bytes:
    """A message with what the command wrote."""
    return bytes((_OUTPUTS[output.stream],)) + output.data


def encode_status(status: dict[str, Any]) -> bytes:
    """The last message: how it ended."""
    return bytes((ERROR,)) + encode_status_body(status)


def encode_status_body(status: dict[str, Any]) -> bytes:
    """The same without a channel, for transports that have streams."""
    return json.dumps(status, separators=(",", ":")).encode()


def exit_status(end: Exit) -> dict[str, Any]:
    """The Status of an ended command, from which kubectl takes its own exit code."""
    if end.error:
        return failure_status(f"error executing command in container: {end.error}")
    if end.code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {end.code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(end.code)}]},
    }


def failure_status(message: str) -> dict[str, Any]:
    """The Status of a command of which nobody knows how it ended."""
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"Internal error occurred: {message}",
        "reason": "InternalError",
        "details": {"causes": [{"message": message}]},
        "code": 500,
    }
