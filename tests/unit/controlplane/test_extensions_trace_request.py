import json

import pytest

from controlplane.api.errors import StatusError
from controlplane.api.extensions.trace_request import HttpTrace, parse_request
from controlplane.rpc.agent_types import Flow


def parse(document):
    return parse_request(json.dumps(document).encode())


def test_a_url():
    assert parse({"url": "http://backend"}) == HttpTrace("http://backend", 10.0)
    assert parse({"url": "http://b:8080/x", "timeoutSeconds": 2}) == HttpTrace(
        "http://b:8080/x", 2.0
    )


def test_a_probe():
    assert parse({"probe": {"destination": "10.96.0.5", "port": 80}}) == Flow(
        "TCP", "", 0, "10.96.0.5", 80
    )
    probe = {"destination": "fd00::1", "port": 53, "protocol": "UDP", "sourcePort": 7}
    assert parse({"probe": probe}) == Flow("UDP", "", 7, "fd00::1", 53)


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ([], "give either"),
        ({}, "give either"),
        ({"url": "http://a", "probe": {}}, "give either"),
        ({"url": 3}, "url: 3"),
        ({"url": "ftp://a"}, "url: 'ftp://a' is not like"),
        ({"url": "http://["}, "is not like"),
        ({"url": "http://a", "timeoutSeconds": "x"}, "timeoutSeconds: 'x'"),
        ({"url": "http://a", "timeoutSeconds": 0}, "timeoutSeconds: 0 is not between"),
        ({"url": "http://a", "timeoutSeconds": 1e9}, "is not between"),
        ({"probe": 1}, "probe: not like"),
        ({"probe": {"destination": "x", "port": 1}}, "probe.destination: 'x' is no IP address"),
        ({"probe": {"destination": "1.1.1.1"}}, "probe.port: None"),
        ({"probe": {"destination": "1.1.1.1", "port": 70000}}, "probe.port: 70000"),
        ({"probe": {"destination": "1.1.1.1", "port": 1, "sourcePort": "x"}}, "probe.sourcePort"),
        ({"probe": {"destination": "1.1.1.1", "port": 1, "protocol": "X"}}, "probe.protocol"),
    ],
)
def test_wrong_requests(document, text):
    with pytest.raises(StatusError) as raised:
        parse(document)
    assert raised.value.code == 400
    assert text in raised.value.message


def test_no_json():
    with pytest.raises(StatusError, match="no JSON"):
        parse_request(b"{")
