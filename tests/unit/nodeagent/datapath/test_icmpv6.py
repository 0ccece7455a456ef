"""Which of the node's ICMPv6 is handed on to pods."""

import pytest

from netcore.conntrack.tuple import FlowTuple
from netcore.packet.packet import parse_packet
from netcore.packet.protocols import PROTOCOL_ICMPV6, PROTOCOL_UDP
from nodeagent.datapath.userspace.engine import Engine, Port
from nodeagent.datapath.userspace.icmpv6 import Icmpv6Copies
from nodeagent.datapath.userspace.tunnel import Tunnel
from tests.datapath.backends import RecordingTap, RecordingTunnel, buffer_of
from tests.support.cluster import (
    CLIENT6,
    CLIENT_POD,
    NODE1_6,
    OUTSIDE6,
    cluster,
    from_pod,
    vtep_mac,
)
from tests.support.frames import echo, icmp, udp

CLIENT_MAC = b"\x0a\x58\x0a\xf4\x01\x03"


def echo_reply(identifier):
    return icmp(OUTSIDE6, NODE1_6, 129, rest=identifier << 16 | 1, body=b"ping")


class Socket:
    """Gives out the frames that it was given, one after the other."""

    def __init__(self):
        self.frames = []
        self.closed = False

    def receive_into(self, buffer):
        if not self.frames:
            return 0
        frame = self.frames.pop(0)
        buffer[: len(frame)] = frame
        return len(frame)

    def close(self):
        self.closed = True


@pytest.fixture
def node():
    return Node()


class Node:
    def __init__(self):
        tunnel = Tunnel(RecordingTunnel(), 1, may_coalesce=False)
        self.host, self.client = RecordingTap(vtep_mac(1)), RecordingTap(CLIENT_MAC)
        self.engine = Engine(cluster(), tunnel, self.host, vtep_mac(1))
        self.engine.add_pod((CLIENT6,), self.client)
        self.port = Port(from_pod(CLIENT_POD), "pod default/client", self.client)
        self.socket = Socket()
        self.copies = Icmpv6Copies(self.socket, self.engine)

    def out(self, frame):
        """A frame of the client's; what leaves the node for it."""
        frame[6:12] = CLIENT_MAC
        self.engine.handle(self.port, buffer_of(frame))
        return self.host.sent.pop()

    def receive(self, *frames):
        self.socket.frames += frames
        self.copies.drain()


def test_an_echo_reply_comes_back_to_the_pod(node):
    sent = parse_packet(node.out(echo(CLIENT6, OUTSIDE6, identifier=7)))
    assert sent.src == NODE1_6
    node.receive(echo_reply(sent.src_port))
    got = parse_packet(node.client.sent.pop())
    assert (got.src, got.dst, got.dst_port) == (OUTSIDE6, CLIENT6, 7)


def test_an_error_about_a_masqueraded_datagram_comes_back(node):
    sent = node.out(udp(CLIENT6, OUTSIDE6, 4000, 9))
    node.receive(icmp(OUTSIDE6, NODE1_6, 1, 4, body=sent[14:]))
    got = parse_packet(node.client.sent.pop())
    assert got.dst == CLIENT6
    quoted = got.quoted
    assert (quoted.protocol, quoted.src, quoted.src_port) == (PROTOCOL_UDP, CLIENT6, 4000)


def test_what_is_the_nodes_own_is_left_to_its_kernel(node):
    node.receive(echo_reply(7), b"\0" * 20)
    assert node.client.sent == node.host.sent == []
    assert node.engine.conntrack.lookup(FlowTuple(PROTOCOL_ICMPV6, OUTSIDE6, 7, NODE1_6, 7)) is None


def test_it_closes_its_socket(node):
    node.copies.close()
    assert node.socket.closed
