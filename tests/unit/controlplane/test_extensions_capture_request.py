import json

import pytest

from controlplane.api.errors import StatusError
from controlplane.api.extensions.capture_request import (
    AtLink,
    AtNode,
    AtPod,
    CaptureWish,
    Everywhere,
    parse_request,
)


@pytest.mark.parametrize(
    ("body", "target"),
    [
        ({}, Everywhere()),
        ({"pod": {"namespace": "a", "name": "b"}}, AtPod("a", "b")),
        ({"node": "n"}, AtNode("n")),
        ({"link": ["n", "m"]}, AtLink(("n", "m"))),
    ],
)
def test_where(body, target):
    assert parse_request(json.dumps(body).encode()) == CaptureWish(target, "", 0, None)


def test_nothing_is_everything():
    assert parse_request(b"").target == Everywhere()


def test_what():
    body = b'{"filter": "port 80", "snapLength": 96, "timeoutSeconds": 1.5}'
    assert parse_request(body) == CaptureWish(Everywhere(), "port 80", 96, 1.5)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "the body is no JSON"),
        (b"[" * 100_000, "the body is no JSON"),
        (b"[]", 'give {"pod": {...}}'),
        (b'{"pods": 1}', "unknown field 'pods'"),
        (b'{"node": "a", "link": ["a", "b"]}', "node and link: give one of them"),
        (b'{"node": 1}', "node: not a name"),
        (b'{"pod": {"name": "a"}}', "pod: not like"),
        (b'{"pod": "a/b"}', "pod: not like"),
        (b'{"link": ["a", "a"]}', "link: not two different nodes"),
        (b'{"link": ["a"]}', "link: not two different nodes"),
        (b'{"filter": "port x"}', "filter 'port x': at 'x'"),
        (b'{"filter": 1}', "filter: not a text"),
        (b'{"snapLength": -1}', "snapLength: -1 is not between"),
        (b'{"snapLength": true}', "snapLength: True"),
        (b'{"snapLength": 262145}', "snapLength: 262145"),
        (b'{"timeoutSeconds": 0}', "timeoutSeconds: 0 is not between"),
        (b'{"timeoutSeconds": "1"}', "timeoutSeconds: '1' is not a number"),
        (b'{"timeoutSeconds": true}', "timeoutSeconds: True is not a number"),
        (b'{"timeoutSeconds": NaN}', "timeoutSeconds: nan"),
    ],
)
def test_what_cannot_be_names_the_field(body, message):
    with pytest.raises(StatusError) as raised:
        parse_request(body)
    assert raised.value.code == 400
    assert message in raised.value.message
