import os
import socket

import pytest

from netcore.pipeline.context import FromPod
from nodeagent.datapath.base import PodPort
from nodeagent.datapath.userspace.devices import BUFFER_BYTES, HEADROOM_BYTES, Tap, pod_device
from tests.datapath.backends import buffer_of
from tests.support.frames import POD, POD6, POD_MAC, udp


@pytest.fixture
def ends():
    """A datagram socket keeps frames apart as a TAP does."""
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    near.setblocking(False)
    tap = Tap(os.dup(near.fileno()), POD_MAC)
    near.close()
    yield tap, far
    far.close()
    tap.close()


def test_each_read_gives_one_frame(ends):
    tap, far = ends
    buffer = memoryview(bytearray(BUFFER_BYTES))
    for data in (udp(data=b"one"), udp(data=b"second")):
        far.send(data)
    first = tap.read_into(buffer)
    assert buffer[HEADROOM_BYTES:first] == udp(data=b"one")
    second = tap.read_into(buffer)
    assert buffer[HEADROOM_BYTES:second] == udp(data=b"second")
    assert tap.read_into(buffer) == 0


def test_each_write_takes_one_frame(ends):
    tap, far = ends
    assert tap.send(buffer_of(udp()))
    assert far.recv(BUFFER_BYTES) == udp()


def test_a_queue_that_is_full_is_said(ends):
    tap, _ = ends
    while tap.send(buffer_of(udp(data=bytes(1000)))):
        pass
    assert not tap.send(buffer_of(udp()))


def failing(monkeypatch, number: int) -> None:
    def readv(descriptor: int, buffers: list) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "readv", readv)


def test_a_device_that_is_down_has_no_frames(monkeypatch):
    failing(monkeypatch, 5)  # EIO
    assert Tap(-1, POD_MAC).read_into(memoryview(bytearray(20))) == 0


def test_a_device_that_is_gone_is_told_from_one_that_is_silent(monkeypatch):
    failing(monkeypatch, 77)  # EBADFD
    assert Tap(-1, POD_MAC).read_into(memoryview(bytearray(20))) is None


def test_a_pods_device_knows_the_pod():
    port = PodPort("uid", "default/web", 9, POD_MAC, (POD, POD6))
    device = pod_device(port)
    assert device.port is port
    assert device.tap == Tap(9, POD_MAC)
    assert device.ingress == FromPod((POD, POD6), POD_MAC)
