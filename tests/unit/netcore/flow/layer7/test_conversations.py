from dataclasses import replace

import pytest

from netcore.flow.layer7 import conversations as module
from netcore.flow.layer7.conversations import Conversations, may_speak
from netcore.flow.names import EventType
from netcore.flow.record import DnsRecord, HttpRecord
from netcore.model.policy import Direction
from netcore.packet.protocols import TCP_ACK
from netcore.pipeline.verdict import Deliver, Drop, DropReason, Encap, ToHost
from tests.support.cluster import CLIENT, CLIENT_POD, OUTSIDE, WEB, cluster, from_node, from_pod
from tests.support.decider import Decider
from tests.support.frames import PEER, tcp, udp
from tests.support.sightings import TIME_NS, sighting

ME = from_pod(CLIENT_POD)
QUESTION = bytes.fromhex("1234 0100 0001 0000 0000 0000") + b"\x03web\x00\x00\x01\x00\x01"
ANSWER = (
    bytes.fromhex("1234 8180 0001 0001 0000 0000")
    + QUESTION[12:]
    + bytes.fromhex("c00c 0001 0001 0000001e 0004 c0000250")  # 192.0.2.80
)
REQUEST = b"GET /a HTTP/1.1\r\nHost: web\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\n\r\n"


@pytest.fixture
def node():
    made = Decider(cluster())
    made.turn_to((WEB, 6, 80), 1)
    made.turn_to((WEB, 17, 53), 1)
    return made


@pytest.fixture
def told(node):
    conversations = Conversations()

    def tell(frame, ingress, payload, time_ns=TIME_NS):
        seen = sighting(node, frame, ingress, payload=payload, time_ns=time_ns)
        return conversations.flow_of(node.snapshot, seen)

    tell.conversations = conversations
    return tell


def test_dns_with_its_latency(told):
    asked = told(udp(CLIENT, WEB), ME, QUESTION)
    answered = told(udp(PEER, CLIENT, 5353, 40000), from_node(2), ANSWER, TIME_NS + 5_000)
    assert asked.event is EventType.L7
    assert (asked.is_reply, asked.direction) == (False, Direction.EGRESS)
    # Behind the Service the port is another: only port 53 is DNS.
    assert answered is None


def test_dns_to_port_53_with_its_latency_and_names(told):
    asked = told(udp(CLIENT, OUTSIDE), ME, QUESTION)
    answered = told(udp(OUTSIDE, CLIENT, 53, 40000), from_node(2), ANSWER, TIME_NS + 5_000)
    assert asked.summary == "DNS Query web. A"
    assert answered.layer7.latency_ns == 5_000
    assert isinstance(answered.layer7.record, DnsRecord)
    assert answered.is_reply is True
    named = told.conversations.named(replace(asked, destination_ip=OUTSIDE))
    assert named.destination_names == ("web",)
    assert named.source_names == ()


def test_http_with_its_latency(told):
    asked = told(tcp(CLIENT, WEB, flags=TCP_ACK), ME, REQUEST)
    back = tcp(PEER, CLIENT, 8080, 40000, flags=TCP_ACK)
    answered = told(back, from_node(2), RESPONSE, TIME_NS + 7_000_000)
    assert asked.summary == "HTTP/1.1 GET http://web/a"
    assert answered.summary == "HTTP/1.1 200 7ms (GET http://web/a)"
    assert isinstance(answered.layer7.record, HttpRecord)
    assert answered.layer7.latency_ns == 7_000_000


def test_an_interim_response_is_not_the_last(told):
    told(tcp(CLIENT, WEB, flags=TCP_ACK), ME, REQUEST)
    back = tcp(PEER, CLIENT, 8080, 40000, flags=TCP_ACK)
    assert told(back, from_node(2), b"HTTP/1.1 100 Continue\r\n\r\n").layer7.record.code == 100
    assert told(back, from_node(2), RESPONSE).layer7.record.url == "http://web/a"


def test_a_response_to_what_was_not_seen(told):
    told(tcp(CLIENT, WEB), ME, b"")
    found = told(tcp(PEER, CLIENT, 8080, 40000, flags=TCP_ACK), from_node(2), RESPONSE)
    assert found.layer7.record == HttpRecord("", "", "HTTP/1.1", 200)
    assert found.layer7.latency_ns == 0


def test_what_begins_no_message_is_not_told(told):
    assert told(tcp(CLIENT, WEB), ME, b"\x16\x03\x01") is None
    assert told(udp(CLIENT, OUTSIDE), ME, b"\0") is None
    assert told(udp(CLIENT, OUTSIDE), ME, ANSWER) is None  # an answer from the asking side


def test_memory_is_bounded(told, monkeypatch):
    monkeypatch.setattr(module, "_MAX_WAITING", 3)
    for port in range(40000, 40010):
        told(tcp(CLIENT, WEB, port, flags=TCP_ACK), ME, REQUEST)
        told(udp(CLIENT, OUTSIDE, port), ME, QUESTION)
    assert len(told.conversations._requests) == len(told.conversations._questions) == 3


ENCAP = Encap("node2", bytes(4), bytes(6))


@pytest.mark.parametrize(
    ("verdict", "from_tunnel", "reply", "kept"),
    [
        (ENCAP, False, False, True),
        (Deliver(CLIENT), False, False, True),
        (Deliver(CLIENT), True, False, False),  # the client's node has told it
        (Deliver(CLIENT), True, True, True),
        (ENCAP, False, True, False),
        (ToHost(), True, True, True),
        (Drop(DropReason.POLICY_DENIED), False, False, False),
    ],
)
def test_each_message_is_kept_on_one_node(verdict, from_tunnel, reply, kept):
    found = may_speak(6, 40000, 80, verdict, from_tunnel=from_tunnel, reply=reply)
    assert found is kept


@pytest.mark.parametrize(
    ("protocol", "ports", "kept"),
    [
        (17, (40000, 53), True),
        (17, (53, 40000), True),
        (17, (40000, 54), False),
        (132, (1, 2), False),
    ],
)
def test_only_dns_and_tcp_speak(protocol, ports, kept):
    assert may_speak(protocol, *ports, ENCAP, from_tunnel=False, reply=False) is kept
