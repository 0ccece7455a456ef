"""DNS and HTTP/1.x flows: requests, responses with their latency, and the names of addresses."""

from collections import OrderedDict, deque
from dataclasses import replace
from typing import TypeVar

from netcore.conntrack.tuple import FlowTuple
from netcore.flow.build import base_flow, connection_direction
from netcore.flow.layer7.dns import parse_dns
from netcore.flow.layer7.http import HttpRequest, parse_http
from netcore.flow.names import EventType
from netcore.flow.record import DnsRecord, Flow, HttpRecord, Layer7
from netcore.flow.sighting import Sighting
from netcore.flow.summary import summarize_layer7
from netcore.model.address import packed
from netcore.packet.protocols import PROTOCOL_TCP, PROTOCOL_UDP
from netcore.pipeline.snapshot import Snapshot
from netcore.pipeline.verdict import Deliver, Encap, ToHost, Verdict

DNS_PORT = 53
_MAX_WAITING = 4096
_MAX_PIPELINED = 16
_MAX_NAMES = 4096

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


def may_speak(
    protocol: int, src_port: int, dst_port: int, verdict: Verdict, *, from_tunnel: bool, reply: bool
) -> bool:
    """Whether a packet's payload is worth keeping: of DNS or TCP, on the client's node only.

    A request is seen where it comes in, a response where it leaves the cluster's tunnels.
    """
    if isinstance(verdict, Encap) if reply else from_tunnel:
        return False
    if not isinstance(verdict, Deliver | Encap | ToHost):
        return False
    return protocol == PROTOCOL_TCP or (
        protocol == PROTOCOL_UDP and DNS_PORT in (src_port, dst_port)
    )


class Conversations:
    """One reader's memory of requests that wait for their responses. All of it is bounded."""

    def __init__(self) -> None:
        self._questions: OrderedDict[tuple[FlowTuple, int], int] = OrderedDict()
        self._requests: OrderedDict[FlowTuple, deque[tuple[HttpRequest, int]]] = OrderedDict()
        self._names: OrderedDict[bytes, str] = OrderedDict()

    def flow_of(self, snapshot: Snapshot, seen: Sighting) -> Flow | None:
        """The flow of a sighting with a payload; None when it begins no message."""
        delivered = seen.delivered
        if delivered is None or seen.payload is None:
            return None
        told = (
            self._dns(delivered, seen)
            if delivered.protocol == PROTOCOL_UDP
            else self._http(delivered, seen)
        )
        if told is None:
            return None
        return replace(
            self.named(base_flow(snapshot, seen)),
            event=EventType.L7,
            tcp_flags=0,
            is_reply=told.is_response,
            direction=connection_direction(seen),
            layer7=told,
            summary=summarize_layer7(told),
        )

    def named(self, flow: Flow) -> Flow:
        """With the names by which somebody asked for its addresses, where there is no pod."""
        source = "" if flow.source.pod_name else self._names.get(flow.source_ip, "")
        destination = "" if flow.destination.pod_name else self._names.get(flow.destination_ip, "")
        if not source and not destination:
            return flow
        return replace(
            flow,
            source_names=(source,) if source else (),
            destination_names=(destination,) if destination else (),
        )

    def _dns(self, flow: FlowTuple, seen: Sighting) -> Layer7 | None:
        message = parse_dns(seen.payload or b"")
        if message is None or message.record.is_answer != (flow.src_port == DNS_PORT):
            return None
        if not message.record.is_answer:
            _put(self._questions, (flow, message.number), seen.time_ns, _MAX_WAITING)
            return Layer7(message.record, is_response=False)
        asked = self._questions.pop((flow.reversed(), message.number), seen.time_ns)
        self._learn(message.record)
        return Layer7(message.record, True, max(0, seen.time_ns - asked))

    def _learn(self, answer: DnsRecord) -> None:
        for ip in answer.ips:
            _put(self._names, packed(ip), answer.query.rstrip("."), _MAX_NAMES)

    def _http(self, flow: FlowTuple, seen: Sighting) -> Layer7 | None:
        message = parse_http(seen.payload or b"")
        if message is None:
            return None
        if isinstance(message, HttpRequest):
            waiting = self._requests.get(flow)
            if waiting is None:
                waiting = deque(maxlen=_MAX_PIPELINED)
            waiting.append((message, seen.time_ns))
            _put(self._requests, flow, waiting, _MAX_WAITING)
            return Layer7(HttpRecord(*message), is_response=False)
        requests = self._requests.get(flow.reversed())
        if not requests:
            return Layer7(HttpRecord("", "", message.protocol, message.code), is_response=True)
        request, asked = requests[0] if message.code < 200 else requests.popleft()
        record = HttpRecord(request.method, request.url, message.protocol, message.code)
        return Layer7(record, True, max(0, seen.time_ns - asked))


def _put(known: OrderedDict[_Key, _Value], key: _Key, value: _Value, limit: int) -> None:
    known[key] = value
    known.move_to_end(key)
    if len(known) > limit:
        known.popitem(last=False)
