import os
import socket

import pytest

from coredns_emu.sockets import ListenAddress, ListenError, open_tcp, open_udp, parse_listen
from netcore.model.errors import ConfigError

LOOPBACK = ListenAddress("127.0.0.1", 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:53", ListenAddress("127.0.0.1", 53)),
        ("[fd00::1]:53", ListenAddress("fd00::1", 53)),
        ("fd://3", ListenAddress(fd=3)),
    ],
)
def test_parse(text, expected):
    assert parse_listen(text) == expected
    assert str(expected) == text


@pytest.mark.parametrize("text", ["", "53", ":53", "127.0.0.1", "127.0.0.1:x", "h:53", "fd://x"])
def test_parse_rejects(text):
    with pytest.raises(ConfigError):
        parse_listen(text)


def test_descriptors_where_there_are_none():
    with pytest.raises(ConfigError):
        parse_listen("fd://3", inherited=False)


@pytest.mark.parametrize("opener", [open_udp, open_tcp])
def test_a_taken_port(opener):
    with opener(LOOPBACK) as sock:
        address = ListenAddress(*sock.getsockname())
        with pytest.raises(ListenError, match=rf"cannot listen at {address}/...: Address already"):
            opener(address)


def test_an_inherited_socket():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as original:
        original.bind(("127.0.0.1", 0))
        with open_udp(ListenAddress(fd=os.dup(original.fileno()))) as sock:
            assert sock.getsockname() == original.getsockname()
            assert not sock.getblocking()


def test_an_inherited_socket_of_the_other_kind():
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as original,
        pytest.raises(ListenError, match="no stream socket"),
    ):
        open_tcp(ListenAddress(fd=original.fileno()))


def test_a_descriptor_that_is_not_open():
    with pytest.raises(ListenError, match="fd://987654/udp: Bad file descriptor"):
        open_udp(ListenAddress(fd=987654))
