import asyncio
import json
from contextlib import AsyncExitStack

import grpc
import pytest

from controlplane.api.connections import extension_handlers
from controlplane.rpc import agents as agents_module
from controlplane.rpc.agents import Agents
from protos.gen.v1 import nodeagent_pb2 as pb
from tests.support.fake_agent import FakeAgent, FakeReader, node, pod, serve_agent
from tests.unit.controlplane.support import json_of, make_client, serving

BASE = "/apis/kubehop.dev/v1alpha1"
TRACE = f"{BASE}/namespaces/default/pods/web/trace"
HOP = pb.Hop(
    stage="service",
    rule="shop/backend:80",
    before=pb.FlowTuple(
        protocol="TCP",
        source="10.244.1.2",
        source_port=40000,
        destination="10.96.0.5",
        destination_port=80,
    ),
    after=pb.FlowTuple(protocol="TCP", destination="10.244.2.3", destination_port=8080),
    why="round robin",
)


def packet(name, ns, **fields):
    return pb.TracedPacket(node=name, time_unix_ns=ns, summary="TCP SYN", **fields)


@pytest.fixture
async def fakes():
    """Agents of two nodes; the pod runs on the first. A fetch on one is seen by both."""
    fetched = asyncio.Event()
    done = [pb.ExecResponse(stdout=b"hello"), pb.ExecResponse(exit=pb.ExecExit(code=0))]
    first = FakeAgent("worker", outputs=done, fetched=fetched)
    first.packets = [packet("worker", 1_000_000_001, hops=[HOP], verdict="Encap"),
                     packet("worker", 1_000_000_003)]  # fmt: skip
    second = FakeAgent("worker2", fetched=fetched)
    second.packets = [packet("worker2", 1_000_000_002, verdict="Deliver")]
    return first, second


@pytest.fixture
def reader():
    return FakeReader(pods=[pod()])


@pytest.fixture
async def api(fakes, reader):
    async with AsyncExitStack() as stack:
        addresses = [await stack.enter_async_context(serve_agent(fake)) for fake in fakes]
        reader.objects["nodes"] = [
            node(fake.node, address) for fake, address in zip(fakes, addresses, strict=True)
        ]
        agents = Agents(reader)
        handlers = extension_handlers(reader, agents)
        session = await stack.enter_async_context(serving(await make_client(), extensions=handlers))
        yield session
        await agents.close()


async def trace(api, **request):
    body = request or {"url": "http://backend"}
    async with api.post(TRACE, json=body) as response:
        assert response.status == 200, await response.text()
        assert response.content_type == "application/x-ndjson"
        return [json.loads(line) for line in (await response.text()).splitlines()]


async def test_packets_of_all_nodes_by_time_then_the_result(fakes, api):
    *packets, result = await trace(api)
    assert [(found["node"], found["time"]) for found in packets] == [
        ("worker", "1970-01-01T00:00:01.000000001Z"),
        ("worker2", "1970-01-01T00:00:01.000000002Z"),
        ("worker", "1970-01-01T00:00:01.000000003Z"),
    ]
    assert packets[0]["hops"] == [
        {
            "stage": "service",
            "rule": "shop/backend:80",
            "before": {
                "protocol": "TCP",
                "source": "10.244.1.2",
                "sourcePort": 40000,
                "destination": "10.96.0.5",
                "destinationPort": 80,
            },
            "after": {
                "protocol": "TCP",
                "source": "",
                "sourcePort": 0,
                "destination": "10.244.2.3",
                "destinationPort": 8080,
            },
            "why": "round robin",
        }
    ]
    assert result == {"type": "result", "exitCode": 0, "stdout": "hello", "stderr": ""}
    live, start = fakes[0].requests
    assert list(live.live.addresses) == ["10.244.1.2"]
    assert list(start.command) == ["kubehop-http-get", "--json", "http://backend"]
    assert start.target.container == "c"


async def test_a_node_that_cannot_trace_is_a_warning(fakes, api):
    fakes[1].trace_refusal = (grpc.StatusCode.UNAVAILABLE, "gone")
    lines = await trace(api)
    assert [line["type"] for line in lines] == ["packet", "packet", "warning", "result"]
    assert lines[2]["node"] == "worker2"
    assert "gone" in lines[2]["message"]


async def test_packets_that_a_node_missed_are_a_warning(fakes, api):
    fakes[1].packets = [
        pb.TracedPacket(node="worker2", missed=5),
        packet("worker2", 2),
        pb.TracedPacket(node="worker2", missed=2),
    ]
    lines = await trace(api)
    assert [line["type"] for line in lines] == ["packet"] * 3 + ["warning", "result"]
    assert (lines[3]["node"], lines[3]["message"]) == (
        "worker2",
        "7 packets passed too fast to be reported",
    )


async def test_a_node_without_an_agent_is_a_warning(api, reader, monkeypatch):
    monkeypatch.setattr(agents_module, "CONNECT_TIMEOUT_S", 0.2)
    reader.objects["nodes"].append({**node("foreign", ""), "metadata": {"name": "foreign"}})
    reader.objects["nodes"].append(node("down", "127.0.0.1:1", ready=False))
    lines = await trace(api)
    assert [line["node"] for line in lines if line["type"] == "warning"] == ["foreign"]


async def test_the_pods_own_node_is_watched_even_when_it_is_not_ready(api, reader):
    for found in reader.objects["nodes"]:
        found["status"]["conditions"][0]["status"] = "Unknown"
    lines = await trace(api)
    assert [line.get("node") for line in lines] == ["worker", "worker", None]


async def test_a_fetch_without_an_end_times_out(fakes, api):
    fakes[0].outputs, fakes[0].hang = [pb.ExecResponse(stdout=b"part")], True
    *_, result = await trace(api, url="http://backend", timeoutSeconds=0.5)
    assert (result["exitCode"], result["stdout"]) == (124, "part")
    assert result["stderr"] == "no answer within 0.5 s\n"


async def test_a_command_that_cannot_run_is_a_status(fakes, api):
    fakes[0].refusal = (grpc.StatusCode.FAILED_PRECONDITION, "container c is not running")
    async with api.post(TRACE, json={"url": "http://backend"}) as response:
        assert (response.status, (await json_of(response))["message"]) == (
            400,
            "container c is not running",
        )


async def test_a_probe_is_one_packet(fakes, api):
    [found] = await trace(api, probe={"destination": "10.96.0.5", "port": 80})
    assert (found["node"], found["verdict"]) == ("worker", "Encap")
    assert fakes[0].requests[0].probe.pod == "web"


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        ({"status": {"phase": "Pending"}}, 409, "not running (its phase is Pending)"),
        ({"status": {"phase": "Running"}}, 409, "nothing can be traced"),
        ({"spec": {"nodeName": "nope", "containers": [{"name": "c"}]}}, 404, "nope"),
    ],
)
async def test_pods_that_cannot_be_traced(api, reader, change, code, text):
    reader.objects["pods"][0].update(change)
    async with api.post(TRACE, json={"url": "http://backend"}) as response:
        assert response.status == code
        assert text in (await json_of(response))["message"]


async def test_dump(fakes, api):
    async with api.get(f"{BASE}/nodes/worker/dump", params={"table": "services"}) as response:
        assert await json_of(response) == {
            "node": "worker",
            "revision": 7,
            "tables": [
                {"name": "services", "columns": ["ip", "port"], "rows": [["10.96.0.1", "443"]]}
            ],
            "listings": [{"command": "ipvsadm -Ln", "text": "IP Virtual Server\n"}],
        }
    assert list(fakes[0].requests[0].tables) == ["services"]


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", TRACE, 405),
        ("POST", f"{BASE}/nodes/worker/dump", 405),
        ("GET", f"{BASE}/nodes/nope/dump", 404),
        ("GET", f"{BASE}/nodes/worker/nope", 404),
        ("GET", f"{BASE}/nodes", 404),
        ("GET", "/apis/kubehop.dev/v2/nodes/worker/dump", 404),
        ("GET", f"{BASE}/nodes/worker/dump?" + "table=x&" * 40, 400),
    ],
)
async def test_other_paths(api, method, path, code):
    async with api.request(method, path) as response:
        assert response.status == code
        assert (await json_of(response))["kind"] == "Status"
