import sys
import time

import pytest

from kubehop.kubernetes import trace_requests
from kubehop.kubernetes.client import ApiError
from kubehop.kubernetes.trace_ends import Destination, Source
from kubehop.kubernetes.trace_requests import send_inside, send_outside, watch_live
from netcore.model.errors import KubehopError

TO = Destination("10.96.0.7", 80, "TCP", ("10.96.0.7",), "Service shop/backend")
ARMED = {"type": "armed", "id": "cafe", "nodes": ["n1"]}
PACKET = {"type": "packet", "node": "n1"}
PROGRAM = """
import json, sys
print(json.dumps({"type": "sending", "arguments": sys.argv[1:]}))
"""


class Client:
    def __init__(self, *lines, error=None, silent=False):
        self.lines, self.error, self.silent = lines, error, silent
        self.asked = []

    def stream(self, path, body):
        self.asked.append((path, body))
        yield from self.lines
        if self.error:
            raise self.error
        if self.silent:
            time.sleep(30)


def test_the_control_plane_is_asked_to_send():
    client = Client(ARMED, PACKET)
    source = Source("pod", "web", "shop", ("10.244.0.2",))
    assert send_inside(client, source, TO, 5) == [ARMED, PACKET]
    [(path, body)] = client.asked
    assert path == "/apis/kubehop.dev/v1alpha1/traces"
    assert body["from"] == {"pod": {"namespace": "shop", "name": "web"}}
    assert body["to"] == {"host": "10.96.0.7", "port": 80, "protocol": "TCP"}
    assert (body["addresses"], body["timeoutSeconds"]) == (["10.96.0.7"], 5)


def test_a_client_outside_sends_when_the_nodes_watch(monkeypatch):
    monkeypatch.setattr(trace_requests, "_PROGRAM", (sys.executable, "-c", PROGRAM))
    lines = send_outside(Client(ARMED, PACKET, silent=True), TO, 5, ("env", "A=b"))
    assert [line["type"] for line in lines] == ["armed", "sending", "result", "packet"]
    assert lines[1]["arguments"] == [
        "-protocol=TCP",
        "-port=80",
        "-timeout=5",
        "-id=cafe",
        "10.96.0.7",
    ]
    assert lines[2]["exitCode"] == 0


def test_what_cannot_be_started_is_said():
    with pytest.raises(KubehopError, match="cannot send from outside"):
        send_outside(Client(ARMED), TO, 5, ("/nonexistent",))


def test_a_refusal_reaches_the_caller():
    refused = Client(error=ApiError(500, "", "no nodes"))
    with pytest.raises(ApiError, match="no nodes"):
        send_outside(refused, TO, 5, ("true",))
    with pytest.raises(KubehopError, match="did not begin to watch"):
        send_outside(Client(), TO, 5, ("true",))


def test_a_live_watch_ends_when_the_packet_was_seen():
    other = {"type": "packet", "node": "n0"}
    client = Client(ARMED, other, PACKET, other, silent=True)
    lines = watch_live(client, ("10.96.0.7",), 20, lambda line: line["node"] == "n1")
    assert lines == [ARMED, other, PACKET, other]


def test_a_live_watch_ends_without_one():
    assert watch_live(Client(ARMED), ("10.96.0.7",), 20, lambda _: True) == [ARMED]
    assert watch_live(Client(ARMED, silent=True), ("1",), 0.3, lambda _: True) == [ARMED]
