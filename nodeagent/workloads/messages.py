"""Messages with file descriptors over a SEQPACKET Unix socket: the zygote's wire.

One JSON object per packet. A long one travels in a memfd, so that no size of environment or
arguments can exceed the socket's buffer. The first received descriptor is that memfd then.
"""

import array
import json
import os
import socket
from collections.abc import Sequence
from typing import Any, Final

INLINE_MAX_BYTES: Final = 32 * 1024
_FDS_MAX: Final = 16


def send(sock: socket.socket, message: dict[str, Any], fds: Sequence[int] = ()) -> None:
    """Send one message. Raises BlockingIOError when a non-blocking socket is full."""
    body = json.dumps(message).encode()
    if len(body) <= INLINE_MAX_BYTES:
        _send_packet(sock, b"i" + body, fds)
        return
    memory = os.memfd_create("message", os.MFD_CLOEXEC)
    try:
        with open(memory, "wb", closefd=False) as stream:
            stream.write(body)
        _send_packet(sock, b"m", [memory, *fds])
    finally:
        os.close(memory)


def _send_packet(sock: socket.socket, packet: bytes, fds: Sequence[int]) -> None:
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds).tobytes())]
    sock.sendmsg([packet], rights if fds else [])


def receive(sock: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """One message with its descriptors (close-on-exec), or None when the peer is gone."""
    space = socket.CMSG_SPACE(_FDS_MAX * array.array("i").itemsize)
    packet, ancillary, _flags, _address = sock.recvmsg(
        INLINE_MAX_BYTES + 1, space, socket.MSG_CMSG_CLOEXEC
    )
    fds = _rights(ancillary)
    if not packet:
        return None
    if packet[:1] == b"i":
        return json.loads(packet[1:]), fds
    with open(fds.pop(0), "rb") as stream:
        stream.seek(0)
        return json.load(stream), fds


def _rights(ancillary: list[tuple[int, int, bytes]]) -> list[int]:
    fds = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    return list(fds)
