"""Between the pb2 messages of NodeAgent and the control plane's own types."""

from __future__ import annotations

from controlplane.rpc.agent_types import (
    ContainerTarget,
    Dump,
    DumpListing,
    DumpTable,
    ExecCommand,
    ExecInput,
    ExecOutput,
    Exit,
    Flow,
    FlowEvent,
    FlowPart,
    FlowQuery,
    Hop,
    LogQuery,
    Missed,
    OuterHeader,
    Output,
    Packet,
    Resize,
    Stdin,
    StdinClosed,
    TrackedFlow,
)
from protos.gen.v1 import nodeagent_pb2 as pb


def _target(target: ContainerTarget) -> pb.ContainerRef:
    return pb.ContainerRef(namespace=target.namespace, pod=target.pod, container=target.container)


def exec_start(command: ExecCommand) -> pb.ExecRequest:
    """The first request of an Exec call."""
    start = pb.ExecStart(
        target=_target(command.target),
        command=command.command,
        stdin=command.stdin,
        tty=command.tty,
        attach=command.attach,
    )
    return pb.ExecRequest(start=start)


def exec_input(item: ExecInput) -> pb.ExecRequest:
    """A later request of an Exec call."""
    match item:
        case Stdin(data):
            return pb.ExecRequest(stdin=data)
        case StdinClosed():
            return pb.ExecRequest(stdin_closed=True)
        case Resize(width, height):
            return pb.ExecRequest(resize=pb.TerminalSize(width=width, height=height))


def exec_output(response: pb.ExecResponse) -> ExecOutput | None:
    """What a response says, None for something newer than this control plane."""
    match response.WhichOneof("message"):
        case "stdout":
            return Output("stdout", response.stdout)
        case "stderr":
            return Output("stderr", response.stderr)
        case "exit":
            return Exit(response.exit.code, response.exit.error)
    return None


def logs_request(target: ContainerTarget, query: LogQuery) -> pb.LogsRequest:
    """The request of a Logs call."""
    return pb.LogsRequest(
        target=_target(target),
        follow=query.follow,
        previous=query.previous,
        timestamps=query.timestamps,
        tail_lines=query.tail_lines,
        since_unix_ns=query.since_unix_ns,
        limit_bytes=query.limit_bytes,
    )


def dump(response: pb.DumpResponse) -> Dump:
    """The answer of a Dump call."""
    tables = tuple(
        DumpTable(table.name, tuple(table.columns), tuple(tuple(row.cells) for row in table.rows))
        for table in response.tables
    )
    listings = tuple(DumpListing(found.command, found.text) for found in response.listings)
    return Dump(response.revision, tables, listings)


def probe_request(namespace: str, pod: str, flow: Flow) -> pb.TraceRequest:
    """The request of a Trace call about one made-up packet."""
    wanted = pb.FlowTuple(
        protocol=flow.protocol,
        source=flow.source,
        source_port=flow.source_port,
        destination=flow.destination,
        destination_port=flow.destination_port,
    )
    return pb.TraceRequest(probe=pb.TraceProbe(namespace=namespace, pod=pod, flow=wanted))


def live_request(addresses: tuple[str, ...], max_packets: int) -> pb.TraceRequest:
    """The request of a Trace call about packets that really pass."""
    return pb.TraceRequest(live=pb.TraceLive(addresses=addresses, max_packets=max_packets))


def trace_answer(message: pb.TracedPacket) -> Packet | Missed | None:
    """One answer of a live trace; None: it is armed."""
    if message.started:
        return None
    return Missed(message.missed) if message.missed else packet(message)


def packet(message: pb.TracedPacket) -> Packet:
    """One answer of a Trace call."""
    return Packet(
        node=message.node,
        time_unix_ns=message.time_unix_ns,
        ingress=message.ingress,
        summary=message.summary,
        hops=tuple(map(_hop, message.hops)),
        verdict=message.verdict,
        verdict_detail=message.verdict_detail,
        ttl=message.ttl,
        outer=_outer(message.outer) if message.HasField("outer") else None,
        tracked=_tracked(message.conntrack) if message.HasField("conntrack") else None,
    )


def _outer(message: pb.OuterHeader) -> OuterHeader:
    return OuterHeader(
        source=message.source,
        source_port=message.source_port,
        destination=message.destination,
        destination_port=message.destination_port,
        vni=message.vni,
        ttl=message.ttl,
        destination_mac=message.destination_mac,
    )


def _tracked(message: pb.TrackedFlow) -> TrackedFlow:
    return TrackedFlow(
        state=message.state,
        is_new=message.is_new,
        is_reply=message.is_reply,
        original=_flow(message.original),
        reply=_flow(message.reply),
        service=message.service,
    )


def _hop(message: pb.Hop) -> Hop:
    return Hop(
        stage=message.stage,
        rule=message.rule,
        before=_flow(message.before) if message.HasField("before") else None,
        after=_flow(message.after) if message.HasField("after") else None,
        why=message.why,
        time_unix_ns=message.time_unix_ns,
    )


def _flow(message: pb.FlowTuple) -> Flow:
    return Flow(
        protocol=message.protocol,
        source=message.source,
        source_port=message.source_port,
        destination=message.destination,
        destination_port=message.destination_port,
    )


def flows_request(query: FlowQuery) -> pb.FlowsRequest:
    """The request of a Flows call."""
    return pb.FlowsRequest(
        since_unix_ns=query.since_unix_ns,
        until_unix_ns=query.until_unix_ns,
        last=query.last,
        only_new=query.only_new,
        follow=query.follow,
        payloads=query.payloads,
    )


def flow_part(message: pb.FlowBatch) -> FlowPart:
    """One answer of a Flows call."""
    events = tuple(FlowEvent(event.time_unix_ns, event.document) for event in message.events)
    return FlowPart(events, message.lost, message.caught_up)
