"""Traces and tables as their callers get them: through a real server on loopback."""

import re
import time
from collections.abc import AsyncIterator, Sequence

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from netcore.conntrack.entry import ConntrackEntry
from netcore.conntrack.timeouts import FlowState
from netcore.conntrack.tuple import FlowTuple
from netcore.model.address import packed, parse_address
from netcore.model.errors import ConfigError
from netcore.model.host_port import HostPort
from netcore.pipeline.context import Ingress
from netcore.pipeline.snapshot import Snapshot
from netcore.pipeline.trace import Hop, Stage
from netcore.pipeline.verdict import (
    Deliver,
    Drop,
    DropReason,
    Encap,
    Reject,
    RejectKind,
    Reply,
    ReplyKind,
    ToHost,
    Verdict,
)
from nodeagent.agent import Agent
from nodeagent.datapath.base import Observation, PodPort
from nodeagent.datapath.fake.datapath import FakeDatapath
from nodeagent.rpc.handover import CAPACITY
from nodeagent.rpc.service import SERVICE_NAME, AgentServer
from nodeagent.rpc.trace import MAX_LIVE_TRACES
from protos.gen.v1 import nodeagent_pb2 as pb
from protos.gen.v1 import nodeagent_pb2_grpc as pb_grpc
from tests.support.agent import FakeKubelet
from tests.support.cluster import CLIENT, WEB, WEB_PODS, cluster, node, pod, vtep_mac
from tests.support.frames import PEER, POD, POD6, POD_MAC
from tests.support.pods import eventually

FLOW = FlowTuple(6, CLIENT, 40000, WEB, 80)
AFTER = FLOW._replace(dst=POD, dst_port=8080)
NOW_S = 1000.0


class TalkingDatapath(FakeDatapath):
    """Has a flow and counters, and answers a probe with what it was asked."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__(snapshot)
        self.probes: list[tuple[FlowTuple, Ingress]] = []

    def probe(self, flow: FlowTuple, ingress: Ingress) -> Observation:
        self.probes.append((flow, ingress))
        return observation(Deliver(POD))

    def conntrack(self) -> Sequence[ConntrackEntry]:
        entry = ConntrackEntry(FLOW, AFTER.reversed(), FlowState.ESTABLISHED, NOW_S + 60)
        entry.service, entry.frontend = "default/web:http", (WEB, 6, 80)
        over = ConntrackEntry(FLOW._replace(protocol=47), FLOW, FlowState.GENERIC, 0.0)
        return [entry, over]

    def stats(self) -> dict[str, int]:
        return {"drop_packets": 2, "deliver_packets": 7}


def observation(verdict: Verdict) -> Observation:
    hops = (
        Hop(Stage.SERVICE, "default/web:http", FLOW, AFTER, "round robin"),
        Hop(Stage.ROUTE, "default", None, None, "somewhere"),
    )
    return Observation(5, "pod default/client", "TCP SYN, 60 bytes", hops, verdict)


@pytest.fixture
def agent() -> Agent:
    taken = (HostPort("TCP", 80, 8080), HostPort("UDP", 53, 5353, parse_address("127.0.0.1")))
    exposed = pod("exposed", 1, 9, ips=(parse_address("10.244.1.9"),), host_ports=taken)
    start = cluster(node(4, vtep_mac=b""), node(5, underlay_addresses=()), exposed)
    made = Agent(start, TalkingDatapath(start), clock=lambda: NOW_S)
    made.add_port(WEB_PODS[0], PodPort("uid-web-1", "default/web-1", -1, POD_MAC, (POD, POD6)))
    return made


@pytest.fixture
async def channel(agent) -> AsyncIterator[grpc.aio.Channel]:
    server = AgentServer("127.0.0.1:0")
    await server.serve(agent, FakeKubelet())
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as made:
        yield made
    await server.stop()


@pytest.fixture
def stub(channel) -> pb_grpc.NodeAgentStub:
    return pb_grpc.NodeAgentStub(channel)


# Tables.


async def tables(stub, *wanted: str) -> dict[str, list[tuple[str, ...]]]:
    response = await stub.Dump(pb.DumpRequest(tables=wanted))
    assert response.revision == 1
    for table in response.tables:
        assert all(len(row.cells) == len(table.columns) for row in table.rows), table.name
    return {table.name: [tuple(row.cells) for row in table.rows] for table in response.tables}


async def test_the_proxy_in_the_words_of_its_own_tool(stub):
    (listing,) = (await stub.Dump(pb.DumpRequest(tables=["proxy"]))).listings
    assert listing.command == "ipvsadm -Ln"
    (server,) = re.findall(r"^TCP  10\.96\.0\.50:80 rr\n((?:  -> .*\n)+)", listing.text, re.M)
    counts = {line.split()[1]: line.split()[-2:] for line in server.splitlines()}
    assert counts == {
        "10.244.1.2:8080": ["1", "0"],
        "10.244.2.3:8080": ["0", "0"],
        "10.244.3.2:8080": ["0", "0"],
    }
    assert not (await stub.Dump(pb.DumpRequest(tables=["stats"]))).listings


async def test_all_tables_or_the_wanted_ones(stub):
    everything = await tables(stub)
    assert list(everything) == [
        *("routes", "fdb", "neighbors", "services"),
        "host-ports",
        "conntrack",
        "stats",
    ]
    assert await tables(stub, "stats", "fdb") == {
        "stats": everything["stats"],
        "fdb": everything["fdb"],
    }


async def test_an_unknown_table_is_named(stub):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.Dump(pb.DumpRequest(tables=["arp"]))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.details().startswith("no table 'arp': there are routes, fdb,")


async def test_routes(stub):
    rows = (await tables(stub, "routes"))["routes"]
    assert ("10.244.1.0/24", "pods", "", "local pods") in rows
    assert ("10.244.2.0/24", "vxlan", "172.18.0.12", "node2") in rows
    assert ("10.244.5.0/24", "vxlan", "", "node5") in rows
    assert ("10.96.0.0/16", "service", "", "service translation") in rows
    assert ("10.244.0.0/16", "unreachable", "", "no node has it") in rows
    assert rows[-1] == ("default", "host", "", "through the node, masqueraded")


async def test_forwarding_and_neighbours_list_reachable_peers(stub):
    found = await tables(stub, "fdb", "neighbors")
    assert found["fdb"] == [
        ("0a:58:ac:12:00:0c", "vxlan", "172.18.0.12", "node2"),
        ("0a:58:ac:12:00:0d", "vxlan", "172.18.0.13", "node3"),
    ]
    assert ("10.244.1.2", "pod", "0a:58:0a:f4:01:02", "default/web-1") in found["neighbors"]
    assert ("10.244.2.0", "vxlan", vtep_mac(2).hex(":"), "node2") in found["neighbors"]


async def test_services_with_their_backends(stub):
    rows = (await tables(stub, "services"))["services"]
    assert (
        "default/web:http",
        "TCP",
        "ClusterIP 10.96.0.50:80",
        "10.244.1.2:8080 10.244.2.3:8080 10.244.3.2:8080",
    ) in rows
    assert ("default/empty:dns", "UDP", "ClusterIP 10.96.0.51:53", "<none>") in rows


async def test_host_ports_with_their_pods(stub):
    assert (await tables(stub, "host-ports"))["host-ports"] == [
        ("TCP", "*:80", "10.244.1.9:8080", "default/exposed"),
        ("UDP", "127.0.0.1:53", "10.244.1.9:5353", "default/exposed"),
    ]


async def test_flows_and_counters(stub):
    found = await tables(stub, "conntrack", "stats")
    first, over = found["conntrack"]
    assert first == (
        "TCP",
        "ESTABLISHED",
        "60",
        "10.244.1.3:40000",
        "10.96.0.50:80",
        "10.244.1.2:8080",
        "10.244.1.3:40000",
        "default/web:http",
    )
    assert over[:3] == ("47", "GENERIC", "0")
    assert found["stats"] == [("deliver_packets", "7"), ("drop_packets", "2")]


# Traces.


def probe(flow: pb.FlowTuple, pod: str = "web-1") -> pb.TraceRequest:
    return pb.TraceRequest(probe=pb.TraceProbe(namespace="default", pod=pod, flow=flow))


def live(*addresses: str, protocol: str = "", max_packets: int = 1) -> pb.TraceRequest:
    wanted = pb.TraceLive(addresses=addresses, protocol=protocol, max_packets=max_packets)
    return pb.TraceRequest(live=wanted)


async def test_a_probe_asks_for_the_pods_own_packet(stub, agent):
    flow = pb.FlowTuple(protocol="tcp", destination="10.96.0.50", destination_port=80)
    (packet,) = [each async for each in stub.Trace(probe(flow))]
    assert agent.datapath.probes == [
        (FlowTuple(6, POD, 40000, WEB, 80), agent.local_port("default", "web-1").ingress)
    ]
    assert (packet.node, packet.ingress, packet.summary) == (
        "node1",
        "pod default/client",
        "TCP SYN, 60 bytes",
    )
    assert (packet.verdict, packet.verdict_detail, packet.time_unix_ns) == (
        "Deliver",
        "10.244.1.2",
        5,
    )
    first, second = packet.hops
    assert (first.stage, first.rule, first.why) == ("service", "default/web:http", "round robin")
    assert first.before.destination == "10.96.0.50"
    assert (first.after.protocol, first.after.destination_port) == ("TCP", 8080)
    assert not second.HasField("before")


async def test_a_probe_may_name_source_and_port_and_another_family(stub, agent):
    flow = pb.FlowTuple(protocol="UDP", source="10.9.9.9", source_port=7, destination="10.244.2.3")
    assert [each async for each in stub.Trace(probe(flow))]
    wide = pb.FlowTuple(protocol="ICMPv6", destination="fd00:10:244:2::3")
    assert [each async for each in stub.Trace(probe(wide))]
    assert [asked for asked, _ in agent.datapath.probes] == [
        FlowTuple(17, packed("10.9.9.9"), 7, PEER, 0),
        FlowTuple(58, POD6, 40000, packed("fd00:10:244:2::3"), 0),
    ]


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (probe(pb.FlowTuple(), "other"), "NOT_FOUND", "pod default/other is not on node node1"),
        (
            probe(pb.FlowTuple(protocol="TCP", destination="web")),
            "INVALID_ARGUMENT",
            "'web' is not an IP address",
        ),
        (
            probe(pb.FlowTuple(protocol="QUIC", destination="10.1.1.1")),
            "INVALID_ARGUMENT",
            "unknown protocol 'QUIC': use TCP, UDP, SCTP, ICMP or ICMPv6",
        ),
        (live(), "INVALID_ARGUMENT", "a live trace needs at least one address"),
        (live("10.1.1.1", max_packets=0), "INVALID_ARGUMENT", "max_packets is 0"),
        (live("10.1.1.1", max_packets=10_001), "INVALID_ARGUMENT", "must be 1 to 10000"),
        (live("here"), "INVALID_ARGUMENT", "'here' is not an IP address"),
        (pb.TraceRequest(), "INVALID_ARGUMENT", "max_packets is 0"),
    ],
)
async def test_what_cannot_be_traced_is_named(stub, request_, code, message):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await anext(aiter(stub.Trace(request_)))
    assert caught.value.code().name == code
    assert message in caught.value.details()


async def test_a_pod_without_an_address_of_the_family(stub, agent):
    agent.add_port(WEB_PODS[1], PodPort("uid-4", "default/web-2", -1, POD_MAC, (PEER,)))
    flow = pb.FlowTuple(protocol="TCP", destination="fd00::1")
    with pytest.raises(grpc.aio.AioRpcError, match="has no address of fd00::1's family"):
        await anext(aiter(stub.Trace(probe(flow, "web-2"))))


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (Deliver(POD), ("Deliver", "10.244.1.2")),
        (Encap("node2", PEER, b""), ("Encap", "node2 10.244.2.3")),
        (ToHost(), ("ToHost", "")),
        (Drop(DropReason.INVALID_VNI), ("Drop", "INVALID_VNI")),
        (Reject(RejectKind.PORT_UNREACHABLE), ("Reject", "port unreachable")),
        (Reply(ReplyKind.ARP), ("Reply", "ARP reply")),
    ],
)
async def test_live_packets_are_told_as_they_are_decided(stub, agent, verdict, expected):
    call = stub.Trace(live("10.244.1.3", protocol="tcp", max_packets=1))
    armed = await call.read()
    assert (armed.started, armed.node) == (True, "node1")
    await eventually(lambda: len(agent.datapath.reports) == 1)
    agent.datapath.reports[0](observation(verdict))
    packet = await call.read()
    assert (packet.verdict, packet.verdict_detail) == expected
    assert await call.read() is grpc.aio.EOF
    await eventually(lambda: agent.datapath.reports == [])


async def test_a_caller_that_leaves_ends_the_observation(stub, agent):
    call = stub.Trace(live("10.244.1.3", max_packets=100))
    await call.read()
    await eventually(lambda: len(agent.datapath.reports) == 1)
    call.cancel()
    await eventually(lambda: agent.datapath.reports == [])


async def test_a_slow_reader_misses_packets_and_slows_nobody(stub, agent):
    call = stub.Trace(live("10.244.1.3", max_packets=10_000))
    await call.read()
    await eventually(lambda: len(agent.datapath.reports) == 1)
    began = time.monotonic()
    for _ in range(9000):
        agent.datapath.reports[0](observation(ToHost()))
    assert time.monotonic() - began < 5
    answers = [await call.read() for _ in range(CAPACITY + 1)]
    assert [answer.missed for answer in answers] == [0] * CAPACITY + [9000 - CAPACITY]
    assert {answer.verdict for answer in answers[:-1]} == {"ToHost"}
    agent.datapath.reports[0](observation(ToHost()))
    assert (await call.read()).verdict == "ToHost"
    call.cancel()


async def test_live_traces_of_a_node_are_bounded(stub, agent):
    calls = [stub.Trace(live("10.244.1.3", max_packets=1)) for _ in range(MAX_LIVE_TRACES)]
    for call in calls:
        assert (await call.read()).started
    assert len(agent.datapath.reports) == MAX_LIVE_TRACES
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await anext(aiter(stub.Trace(live("10.244.1.3", max_packets=1))))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "16 live traces run on this node: end one of them first" in caught.value.details()
    calls[0].cancel()
    await eventually(lambda: len(agent.datapath.reports) == MAX_LIVE_TRACES - 1)
    assert (await stub.Trace(live("10.244.1.3", max_packets=1)).read()).started


# The server.


async def test_health_is_told(channel):
    checks = health_pb2_grpc.HealthStub(channel)
    for service in ("", SERVICE_NAME):
        answer = await checks.Check(health_pb2.HealthCheckRequest(service=service))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_a_taken_port_is_said_with_the_remedy():
    first = AgentServer("127.0.0.1:0")
    with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1:{first.port}.*--rpc-listen"):
        AgentServer(f"127.0.0.1:{first.port}")
    await first.stop()
