"""A flow as Hubble knows it: one event about one packet, with names for its ends.

Source of the fields: Cilium api/v1/flow/flow.proto, message Flow.
"""

from dataclasses import dataclass, field

from netcore.flow.names import EventType, FlowVerdict, ReservedIdentity, SocketPoint, TracePoint
from netcore.model.policy import Direction


@dataclass(frozen=True, slots=True)
class FlowEnd:
    """Who sends or receives. Labels are as Cilium prints them: `k8s:app=web`."""

    identity: int = ReservedIdentity.UNKNOWN
    namespace: str = ""
    pod_name: str = ""
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceName:
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class PolicyName:
    """A policy that decided. `rule` is the place of its rule, None where no single one did."""

    name: str
    namespace: str
    kind: str
    rule: int | None = None


@dataclass(frozen=True, slots=True)
class DropCause:
    """By the name and number of Cilium's DropReason."""

    name: str
    number: int


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """A question, or with `is_answer` what was said to it. `query` ends with a dot."""

    query: str
    qtypes: tuple[str, ...]
    is_answer: bool = False
    rcode: int = 0
    ips: tuple[str, ...] = ()
    cnames: tuple[str, ...] = ()
    ttl_s: int = 0


@dataclass(frozen=True, slots=True)
class HttpRecord:
    """A request, or with a `code` the response to it."""

    method: str
    url: str
    protocol: str
    code: int = 0


@dataclass(frozen=True, slots=True)
class Layer7:
    """`latency_ns` from the request to this response; 0 where it is not known."""

    record: DnsRecord | HttpRecord
    is_response: bool
    latency_ns: int = 0


@dataclass(frozen=True, slots=True)
class Flow:
    """Addresses are packed, ports in host order, `time_ns` is Unix time.

    `is_reply` is None where a direction has no meaning. `source_xlated` is the address that the
    receiver sees instead of `source_ip`. Of the policy names at most one tuple is not empty.
    """

    time_ns: int
    node_name: str
    event: EventType
    verdict: FlowVerdict
    sub_type: int = 0
    source_ip: bytes = b""
    destination_ip: bytes = b""
    source_xlated: bytes = b""
    source_mac: bytes = b""
    destination_mac: bytes = b""
    protocol: int = 0
    source_port: int = 0
    destination_port: int = 0
    tcp_flags: int = 0
    icmp_type: int = -1
    icmp_code: int = -1
    source: FlowEnd = field(default_factory=FlowEnd)
    destination: FlowEnd = field(default_factory=FlowEnd)
    source_service: ServiceName | None = None
    destination_service: ServiceName | None = None
    source_names: tuple[str, ...] = ()
    destination_names: tuple[str, ...] = ()
    is_reply: bool | None = None
    direction: Direction | None = None
    drop: DropCause | None = None
    match_type: int = 0
    trace_point: TracePoint | None = None
    socket_point: SocketPoint | None = None
    allowed_by: tuple[PolicyName, ...] = ()
    denied_by: tuple[PolicyName, ...] = ()
    layer7: Layer7 | None = None
    summary: str = ""
