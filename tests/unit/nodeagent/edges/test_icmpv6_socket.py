"""The filter of the ICMPv6 socket, run as the kernel runs it; sockets are the netns tests' part."""

import struct
from ipaddress import ip_address

import pytest

from netcore.model.errors import DatapathError
from nodeagent.edges.icmpv6_socket import Icmpv6Socket, _program
from tests.support.frames import echo, icmp, tcp

NODE, OTHER = ip_address("fc00:f853:ccd:e793::b"), ip_address("fc00:f853:ccd:e793::c")
PROGRAM = [struct.unpack("HBBI", instruction) for instruction in _program(NODE)]


def taken(frame):
    """Whether the program keeps the frame (net/core/filter.c, the four instructions of it)."""
    at = accumulator = 0
    while True:
        code, if_true, if_false, operand = PROGRAM[at]
        at += 1
        if code == 0x30:
            accumulator = frame[operand]
        elif code == 0x20:
            (accumulator,) = struct.unpack_from("!I", frame, operand)
        elif code == 0x15:
            at += if_true if accumulator == operand else if_false
        else:
            return operand > 0


@pytest.mark.parametrize("kind", [1, 2, 3, 4, 129])
def test_errors_and_echo_replies_to_the_node_are_taken(kind):
    assert taken(icmp(OTHER.packed, NODE.packed, kind))
    assert not taken(icmp(NODE.packed, OTHER.packed, kind))


@pytest.mark.parametrize("kind", [128, 133, 134, 135, 136, 137, 143, 0, 255])
def test_all_else_is_the_kernels(kind):
    assert not taken(icmp(OTHER.packed, NODE.packed, kind))


@pytest.mark.parametrize("word", range(4))
def test_every_part_of_the_address_counts(word):
    almost = bytearray(NODE.packed)
    almost[4 * word] ^= 1
    assert not taken(icmp(OTHER.packed, bytes(almost), 129))


def test_only_icmpv6_is_taken():
    assert not taken(tcp(OTHER.packed, NODE.packed))
    assert not taken(echo(OTHER.packed, NODE.packed))


def test_a_device_that_is_not_there_is_named():
    with pytest.raises(DatapathError, match="receive ICMPv6 nowhere0"):
        Icmpv6Socket("nowhere0", NODE)
