"""Traces and tables on the wire: netcore's dataclasses as pb2 messages."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing

import grpc

from netcore.conntrack.tuple import FlowTuple
from netcore.model.address import format_mac, packed, text
from netcore.model.errors import ConfigError
from netcore.packet.protocols import PROTOCOL_NAMES
from netcore.pipeline.trace import Hop
from netcore.pipeline.verdict import Deliver, Drop, Encap, Reject, Reply, Verdict
from nodeagent.agent import Agent
from nodeagent.datapath.base import Observation, ObservationFilter
from nodeagent.datapath.details import OuterHeader, TrackedFlow
from nodeagent.rpc.handover import Handover, Missed
from protos.gen.v1 import nodeagent_pb2 as pb

_PROTOCOL_NUMBERS = {name.upper(): number for number, name in PROTOCOL_NAMES.items()}
_MAX_PACKETS = 10_000
MAX_LIVE_TRACES = 16
"""Every packet of the node is shown to each of them."""


class Traces:
    """Answers NodeAgent.Trace."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._running = 0

    async def stream(
        self,
        request: pb.TraceRequest,
        context: grpc.aio.ServicerContext[pb.TraceRequest, pb.TracedPacket],
    ) -> AsyncIterator[pb.TracedPacket]:
        """Aborts with INVALID_ARGUMENT, NOT_FOUND, or RESOURCE_EXHAUSTED: too many live ones."""
        agent = self._agent
        try:
            if request.WhichOneof("what") == "probe":
                yield _probe(agent, request.probe)
                return
            wanted, limit = _filter(request.live)
        except ConfigError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except LookupError as error:
            await context.abort(grpc.StatusCode.NOT_FOUND, str(error.args[0]))
        if self._running >= MAX_LIVE_TRACES:
            message = f"{self._running} live traces run on this node: end one of them first"
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, message)
        self._running += 1
        try:
            async with aclosing(_observe(agent, wanted, limit)) as answers:
                async for answer in answers:
                    yield answer
        finally:
            self._running -= 1


async def _observe(
    agent: Agent, wanted: ObservationFilter, limit: int
) -> AsyncGenerator[pb.TracedPacket, None]:
    """That it has begun, up to `limit` packets, and how many a slow reader has missed."""
    handover = Handover(asyncio.get_running_loop())
    observer = agent.datapath.observe(wanted, handover.put)
    told = 0
    try:
        yield pb.TracedPacket(node=agent.node_name, started=True)
        while told < limit:
            found = await handover.next()
            if isinstance(found, Missed):
                yield pb.TracedPacket(node=agent.node_name, missed=found.count)
                continue
            told += 1
            yield _to_pb(agent.node_name, found)
    finally:
        observer.close()


def _probe(agent: Agent, probe: pb.TraceProbe) -> pb.TracedPacket:
    pod = agent.local_port(probe.namespace, probe.pod)
    if pod is None:
        raise LookupError(f"pod {probe.namespace}/{probe.pod} is not on node {agent.node_name}")
    destination = packed(probe.flow.destination)
    own = next((ip for ip in pod.ips if len(ip) == len(destination)), None)
    if own is None:
        raise ConfigError(f"pod {probe.pod} has no address of {probe.flow.destination}'s family")
    flow = FlowTuple(
        protocol_number(probe.flow.protocol),
        packed(probe.flow.source) if probe.flow.source else own,
        probe.flow.source_port or 40000,
        destination,
        probe.flow.destination_port,
    )
    return _to_pb(agent.node_name, agent.datapath.probe(flow, pod.ingress))


def _filter(live: pb.TraceLive) -> tuple[ObservationFilter, int]:
    if not 1 <= live.max_packets <= _MAX_PACKETS:
        raise ConfigError(f"max_packets is {live.max_packets}: must be 1 to {_MAX_PACKETS}")
    if not live.addresses:
        raise ConfigError("a live trace needs at least one address")
    protocol = protocol_number(live.protocol) if live.protocol else None
    return ObservationFilter(frozenset(map(packed, live.addresses)), protocol), live.max_packets


def protocol_number(name: str) -> int:
    """The IP protocol number of a name, in any case. Raises ConfigError."""
    number = _PROTOCOL_NUMBERS.get(name.upper())
    if number is None:
        raise ConfigError(f"unknown protocol {name!r}: use TCP, UDP, SCTP, ICMP or ICMPv6")
    return number


def _to_pb(node: str, observation: Observation) -> pb.TracedPacket:
    kind, detail = _verdict(observation.verdict)
    return pb.TracedPacket(
        node=node,
        time_unix_ns=observation.time_ns,
        ingress=observation.ingress,
        summary=observation.summary,
        hops=_hops_to_pb(observation),
        verdict=kind,
        verdict_detail=detail,
        ttl=observation.ttl,
        outer=_outer_to_pb(observation.outer),
        conntrack=_tracked_to_pb(observation.tracked),
    )


def _outer_to_pb(outer: OuterHeader | None) -> pb.OuterHeader | None:
    if outer is None:
        return None
    return pb.OuterHeader(
        source=text(outer.source),
        source_port=outer.source_port,
        destination=text(outer.destination),
        destination_port=outer.destination_port,
        vni=outer.vni,
        ttl=outer.ttl,
        destination_mac=format_mac(outer.destination_mac),
    )


def _tracked_to_pb(tracked: TrackedFlow | None) -> pb.TrackedFlow | None:
    if tracked is None:
        return None
    return pb.TrackedFlow(
        state=tracked.state,
        is_new=tracked.is_new,
        is_reply=tracked.is_reply,
        original=_flow_to_pb(tracked.original),
        reply=_flow_to_pb(tracked.reply),
        service=tracked.service,
    )


def _hops_to_pb(observation: Observation) -> Iterator[pb.Hop]:
    times = observation.hop_times_ns or (0,) * len(observation.hops)
    return map(_hop_to_pb, observation.hops, times)


def _hop_to_pb(hop: Hop, time_ns: int) -> pb.Hop:
    return pb.Hop(
        time_unix_ns=time_ns,
        stage=hop.stage.value,
        rule=hop.rule,
        before=_flow_to_pb(hop.before),
        after=_flow_to_pb(hop.after),
        why=hop.why,
    )


def _flow_to_pb(flow: FlowTuple | None) -> pb.FlowTuple | None:
    if flow is None:
        return None
    return pb.FlowTuple(
        protocol=PROTOCOL_NAMES.get(flow.protocol, str(flow.protocol)),
        source=text(flow.src),
        source_port=flow.src_port,
        destination=text(flow.dst),
        destination_port=flow.dst_port,
    )


def _verdict(verdict: Verdict) -> tuple[str, str]:
    kind = type(verdict).__name__
    match verdict:
        case Deliver(ip):
            return kind, text(ip)
        case Encap(node_name, underlay):
            return kind, f"{node_name} {text(underlay)}"
        case Drop(reason):
            return kind, reason.name
        case Reject(reject) | Reply(reject):
            return kind, reject.value
        case _:
            return kind, ""
