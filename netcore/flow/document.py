"""A flow as the JSON that `hubble observe -o jsonpb` prints.

As protobuf has it for JSON: enums by name, 64-bit numbers as text, fields of value zero left out.
"""

from typing import Any

from netcore.flow.names import EventType, TracePoint
from netcore.flow.record import (
    DnsRecord,
    Flow,
    FlowEnd,
    HttpRecord,
    Layer7,
    PolicyName,
    ServiceName,
)
from netcore.flow.summary import flag_names
from netcore.model.address import format_mac, text
from netcore.packet.protocols import (
    PROTOCOL_ICMP,
    PROTOCOL_ICMPV6,
    PROTOCOL_SCTP,
    PROTOCOL_TCP,
    PROTOCOL_UDP,
)

CLUSTER_NAME = "default"

Document = dict[str, Any]

_WITH_PORTS = {PROTOCOL_TCP: "TCP", PROTOCOL_UDP: "UDP", PROTOCOL_SCTP: "SCTP"}
_ICMP = {PROTOCOL_ICMP: "ICMPv4", PROTOCOL_ICMPV6: "ICMPv6"}


def flow_document(flow: Flow, time: str, uuid: str) -> Document:
    """The line of one flow. `time` is its time in RFC 3339."""
    found = _present(
        time=time,
        uuid=uuid,
        verdict=flow.verdict.value,
        drop_reason=flow.drop.number if flow.drop else 0,
        ethernet=_ethernet(flow),
        IP=_ip(flow),
        l4=_layer4(flow),
        source=_end(flow.source),
        destination=_end(flow.destination),
        Type=_kind(flow),
        node_name=flow.node_name,
        source_names=list(flow.source_names),
        destination_names=list(flow.destination_names),
        l7=_layer7(flow.layer7),
        event_type=_present(type=int(flow.event), sub_type=int(flow.sub_type)),
        source_service=_service(flow.source_service),
        destination_service=_service(flow.destination_service),
        traffic_direction=flow.direction.value.upper() if flow.direction else "",
        policy_match_type=flow.match_type,
        trace_observation_point=_point(flow.trace_point),
        drop_reason_desc=flow.drop.name if flow.drop else "",
        sock_xlate_point=flow.socket_point.name if flow.socket_point else "",
        Summary=flow.summary,
        **_policies(flow),
    )
    if flow.is_reply is not None:
        found["is_reply"] = flow.is_reply
    return {"flow": found, "node_name": flow.node_name, "time": time}


def _present(**fields: Any) -> Document:
    """What is not empty."""
    return {name: value for name, value in fields.items() if value}


def _kind(flow: Flow) -> str:
    if flow.layer7 is not None:
        return "L7"
    return "SOCK" if flow.event is EventType.TRACE_SOCK else "L3_L4"


def _point(point: TracePoint | None) -> str:
    return "" if point is None else point.name


def _ethernet(flow: Flow) -> Document:
    if not flow.source_mac:
        return {}
    return {"source": format_mac(flow.source_mac), "destination": format_mac(flow.destination_mac)}


def _ip(flow: Flow) -> Document:
    if not flow.source_ip:
        return {}
    return _present(
        source=text(flow.source_ip),
        source_xlated=text(flow.source_xlated) if flow.source_xlated else "",
        destination=text(flow.destination_ip),
        ipVersion="IPv4" if len(flow.source_ip) == 4 else "IPv6",
    )


def _layer4(flow: Flow) -> Document:
    name = _WITH_PORTS.get(flow.protocol)
    if name is not None:
        ports = _present(
            source_port=flow.source_port,
            destination_port=flow.destination_port,
            flags=dict.fromkeys(flag_names(flow.tcp_flags), True),
        )
        return {name: ports}
    name = _ICMP.get(flow.protocol)
    if name is None or flow.icmp_type < 0:
        return {}
    return {name: _present(type=flow.icmp_type, code=flow.icmp_code)}


def _end(end: FlowEnd) -> Document:
    return _present(
        identity=int(end.identity),
        cluster_name=CLUSTER_NAME if end.pod_name else "",
        namespace=end.namespace,
        labels=list(end.labels),
        pod_name=end.pod_name,
    )


def _service(service: ServiceName | None) -> Document:
    return {} if service is None else {"name": service.name, "namespace": service.namespace}


def _policies(flow: Flow) -> Document:
    if flow.direction is None:
        return {}
    about = flow.direction.value.lower()
    return {
        f"{about}_allowed_by": [policy_document(each) for each in flow.allowed_by],
        f"{about}_denied_by": [policy_document(each) for each in flow.denied_by],
    }


def policy_document(policy: PolicyName) -> Document:
    """A policy as `ingress_denied_by` and its like have it."""
    labels = [
        f"k8s:io.cilium.k8s.policy.derived-from={policy.kind}",
        f"k8s:io.cilium.k8s.policy.name={policy.name}",
    ]
    if policy.namespace:
        labels.append(f"k8s:io.cilium.k8s.policy.namespace={policy.namespace}")
    if policy.rule is not None:
        labels.append(f"kubehop:rule={policy.rule}")
    return _present(name=policy.name, namespace=policy.namespace, labels=labels, kind=policy.kind)


def _layer7(found: Layer7 | None) -> Document:
    if found is None:
        return {}
    shown = _present(
        type="RESPONSE" if found.is_response else "REQUEST",
        latency_ns=str(found.latency_ns) if found.latency_ns else "",
    )
    match found.record:
        case DnsRecord() as dns:
            shown["dns"] = _present(
                query=dns.query,
                ips=list(dns.ips),
                ttl=dns.ttl_s,
                cnames=list(dns.cnames),
                observation_source="proxy",
                rcode=dns.rcode,
                qtypes=list(dns.qtypes),
            )
        case HttpRecord() as http:
            shown["http"] = _present(
                code=http.code,
                method=http.method,
                url=http.url,
                protocol=http.protocol,
            )
    return shown
