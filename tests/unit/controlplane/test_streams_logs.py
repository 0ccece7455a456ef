import asyncio
from datetime import UTC, datetime

import grpc
import pytest

from controlplane.api.connections import stream_handlers
from controlplane.api.errors import StatusError
from controlplane.api.streams.logs import parse_query
from controlplane.rpc.agent_types import LogQuery
from controlplane.rpc.agents import Agents
from tests.support.fake_agent import FakeAgent, FakeReader, node, pod, serve_agent
from tests.unit.controlplane.support import json_of, make_client, serving

NOW_NS = 2_000_000_000_000_000_000
PATH = "/api/v1/namespaces/default/pods/web/log"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, LogQuery()),
        (
            {"follow": "true", "previous": "1", "timestamps": "True", "tailLines": "0"},
            LogQuery(follow=True, previous=True, timestamps=True, tail_lines=0),
        ),
        ({"sinceSeconds": "99999999999999"}, LogQuery(since_unix_ns=0)),
        ({"sinceSeconds": "10"}, LogQuery(since_unix_ns=NOW_NS - 10_000_000_000)),
        ({"sinceTime": "0001-01-01T00:00:00Z"}, LogQuery(since_unix_ns=0)),
        (
            {"sinceTime": "9999-12-31T23:59:59.999999999-14:00"},
            LogQuery(since_unix_ns=2**63 - 1),
        ),
        (
            {"sinceTime": "2030-01-01T00:00:00Z", "limitBytes": "5"},
            LogQuery(
                since_unix_ns=int(datetime(2030, 1, 1, tzinfo=UTC).timestamp()) * 10**9,
                limit_bytes=5,
            ),
        ),
    ],
)
def test_options(query, expected):
    assert parse_query(query, NOW_NS) == expected


@pytest.mark.parametrize(
    ("query", "code", "text"),
    [
        (
            {"tailLines": "-1"},
            422,
            "tailLines: Invalid value: -1: must be greater than or equal to 0",
        ),
        ({"limitBytes": "0"}, 422, "limitBytes: Invalid value: 0: must be greater than 0"),
        ({"sinceSeconds": "0"}, 422, "sinceSeconds: Invalid value: 0: must be greater than 0"),
        (
            {"sinceSeconds": "1", "sinceTime": "2030-01-01T00:00:00Z"},
            422,
            "at most one of `sinceTime` or `sinceSeconds`",
        ),
        ({"tailLines": "x"}, 400, 'parsing "x"'),
        ({"tailLines": "9223372036854775808"}, 400, "value out of range"),
        ({"sinceTime": "yesterday"}, 400, "no RFC 3339 time"),
        ({"follow": "maybe"}, 400, 'strconv.ParseBool: parsing "maybe"'),
    ],
)
def test_wrong_options(query, code, text):
    with pytest.raises(StatusError) as raised:
        parse_query(query, NOW_NS)
    assert raised.value.code == code
    assert text in raised.value.message


@pytest.fixture
async def fake():
    return FakeAgent()


@pytest.fixture
def reader():
    return FakeReader(pods=[pod()])


@pytest.fixture
async def api(fake, reader):
    async with serve_agent(fake) as address:
        reader.objects["nodes"] = [node("worker", address)]
        agents = Agents(reader)
        handlers = stream_handlers(reader, agents)
        async with serving(await make_client(), streams=handlers) as session:
            yield session
        await agents.close()


async def test_a_log_is_plain_text(fake, api):
    fake.log = [b"one\n", b"two\n"]
    async with api.get(PATH, params={"tailLines": "2"}) as response:
        assert (response.status, response.content_type) == (200, "text/plain")
        assert await response.text() == "one\ntwo\n"
    [request] = fake.requests
    assert (request.target.namespace, request.target.pod, request.target.container) == (
        "default",
        "web",
        "c",
    )


async def test_a_followed_log_ends_with_its_reader(fake, api):
    fake.log, fake.hang = [b"one\n"], True
    async with api.get(PATH, params={"follow": "true"}) as response:
        assert await response.content.readline() == b"one\n"
    async with asyncio.timeout(5):
        await fake.ended.wait()


async def test_a_silent_log_has_headers_nevertheless(fake, api, monkeypatch):
    monkeypatch.setattr("controlplane.api.streams.logs._FIRST_PART_S", 0.01)
    fake.hang = True
    async with api.get(PATH, params={"follow": "true"}) as response:
        assert response.status == 200


async def test_a_container_that_waits(fake, api):
    text = 'container "c" in pod "web" is waiting to start: ContainerCreating'
    fake.refusal = (grpc.StatusCode.FAILED_PRECONDITION, text)
    async with api.get(PATH) as response:
        status = await json_of(response)
    assert (response.status, status["reason"], status["message"]) == (400, "BadRequest", text)


async def test_a_pod_without_a_node_has_an_empty_log(api, reader):
    del reader.objects["pods"][0]["spec"]["nodeName"]
    async with api.get(PATH) as response:
        assert (response.status, await response.read()) == (200, b"")


async def test_refusals_before_the_agent_is_asked(api):
    async with api.get(PATH, params={"container": "x"}) as response:
        assert (await json_of(response))["message"] == "container x is not valid for pod web"
    async with api.get(PATH.replace("web", "nope")) as response:
        assert response.status == 404
    async with api.post(PATH) as response:
        assert response.status == 405
