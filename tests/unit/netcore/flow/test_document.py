import json

from netcore.flow.document import flow_document
from netcore.flow.names import EventType, FlowVerdict, SocketPoint, TracePoint
from netcore.flow.record import (
    DnsRecord,
    DropCause,
    Flow,
    FlowEnd,
    HttpRecord,
    Layer7,
    PolicyName,
    ServiceName,
)
from netcore.model.policy import Direction
from tests.support.cluster import CLIENT, OUTSIDE
from tests.support.frames import PEER, POD, POD6, POD_MAC

TIME = "2026-08-29T16:10:09.388123456Z"


def document(**fields):
    made = {"event": EventType.TRACE, "verdict": FlowVerdict.FORWARDED} | fields
    found = flow_document(Flow(1, "node1", **made), TIME, "u-1")
    assert (found["node_name"], found["time"]) == ("node1", TIME)
    assert json.loads(json.dumps(found)) == found
    return found["flow"]


def test_a_packet_as_hubble_writes_it():
    found = document(
        sub_type=TracePoint.TO_OVERLAY,
        trace_point=TracePoint.TO_OVERLAY,
        source_ip=CLIENT,
        destination_ip=PEER,
        source_mac=POD_MAC,
        destination_mac=POD_MAC,
        protocol=6,
        source_port=40000,
        destination_port=8080,
        tcp_flags=0x12,
        source=FlowEnd(300, "default", "client", ("k8s:app=client",)),
        destination=FlowEnd(2, labels=("reserved:world",)),
        destination_service=ServiceName("default", "web"),
        is_reply=False,
        direction=Direction.EGRESS,
        summary="TCP Flags: SYN, ACK",
    )
    assert found == {
        "time": TIME,
        "uuid": "u-1",
        "verdict": "FORWARDED",
        "ethernet": {"source": "0a:58:0a:f4:01:02", "destination": "0a:58:0a:f4:01:02"},
        "IP": {"source": "10.244.1.3", "destination": "10.244.2.3", "ipVersion": "IPv4"},
        "l4": {
            "TCP": {
                "source_port": 40000,
                "destination_port": 8080,
                "flags": {"SYN": True, "ACK": True},
            }
        },
        "source": {
            "identity": 300,
            "cluster_name": "default",
            "namespace": "default",
            "labels": ["k8s:app=client"],
            "pod_name": "client",
        },
        "destination": {"identity": 2, "labels": ["reserved:world"]},
        "Type": "L3_L4",
        "node_name": "node1",
        "event_type": {"type": 4, "sub_type": 4},
        "destination_service": {"name": "web", "namespace": "default"},
        "traffic_direction": "EGRESS",
        "trace_observation_point": "TO_OVERLAY",
        "is_reply": False,
        "Summary": "TCP Flags: SYN, ACK",
    }


def test_zero_is_left_out_as_protobuf_does():
    found = document(sub_type=TracePoint.TO_ENDPOINT, trace_point=TracePoint.TO_ENDPOINT)
    assert found["event_type"] == {"type": 4}
    assert found["trace_observation_point"] == "TO_ENDPOINT"
    assert "is_reply" not in found
    assert "IP" not in found
    assert "source" not in found


def test_a_denial_names_its_policies():
    found = document(
        event=EventType.POLICY_VERDICT,
        verdict=FlowVerdict.DROPPED,
        direction=Direction.INGRESS,
        drop=DropCause("POLICY_DENIED", 133),
        denied_by=(
            PolicyName("default-deny", "x", "NetworkPolicy"),
            PolicyName("baseline", "", "BaselineAdminNetworkPolicy", 3),
        ),
    )
    assert (found["drop_reason"], found["drop_reason_desc"]) == (133, "POLICY_DENIED")
    assert "ingress_allowed_by" not in found
    first, second = found["ingress_denied_by"]
    assert first == {
        "name": "default-deny",
        "namespace": "x",
        "labels": [
            "k8s:io.cilium.k8s.policy.derived-from=NetworkPolicy",
            "k8s:io.cilium.k8s.policy.name=default-deny",
            "k8s:io.cilium.k8s.policy.namespace=x",
        ],
        "kind": "NetworkPolicy",
    }
    assert "namespace" not in second
    assert "kubehop:rule=3" in second["labels"]


def test_an_allowed_connection():
    found = document(
        event=EventType.POLICY_VERDICT,
        direction=Direction.EGRESS,
        match_type=2,
        allowed_by=(PolicyName("allow", "x", "NetworkPolicy", 0),),
    )
    assert found["policy_match_type"] == 2
    assert [each["name"] for each in found["egress_allowed_by"]] == ["allow"]


def test_other_protocols():
    assert document(protocol=1, icmp_type=8, icmp_code=0)["l4"] == {"ICMPv4": {"type": 8}}
    assert document(protocol=1, icmp_type=0, icmp_code=0)["l4"] == {"ICMPv4": {}}
    assert document(protocol=58, icmp_type=3, icmp_code=1)["l4"] == {
        "ICMPv6": {"type": 3, "code": 1}
    }
    assert document(protocol=17, source_port=53)["l4"] == {"UDP": {"source_port": 53}}
    assert "l4" not in document(protocol=47)


def test_addresses():
    assert document(source_ip=POD6, destination_ip=POD6)["IP"]["ipVersion"] == "IPv6"
    found = document(source_ip=POD, destination_ip=OUTSIDE, source_xlated=CLIENT)
    assert found["IP"]["source_xlated"] == "10.244.1.3"


def test_service_translation():
    found = document(
        event=EventType.TRACE_SOCK,
        verdict=FlowVerdict.TRANSLATED,
        socket_point=SocketPoint.SOCK_XLATE_POINT_POST_DIRECTION_FWD,
        sub_type=SocketPoint.SOCK_XLATE_POINT_POST_DIRECTION_FWD,
    )
    assert found["Type"] == "SOCK"
    assert found["sock_xlate_point"] == "SOCK_XLATE_POINT_POST_DIRECTION_FWD"
    assert found["event_type"] == {"type": 7, "sub_type": 2}


def test_layer7():
    dns = DnsRecord("web.", ("A",), True, 0, ("10.0.0.1",), ("b.",), 30)
    found = document(event=EventType.L7, layer7=Layer7(dns, True, 1500))
    assert found["Type"] == "L7"
    assert found["l7"] == {
        "type": "RESPONSE",
        "latency_ns": "1500",
        "dns": {
            "query": "web.",
            "ips": ["10.0.0.1"],
            "ttl": 30,
            "cnames": ["b."],
            "observation_source": "proxy",
            "qtypes": ["A"],
        },
    }
    http = HttpRecord("GET", "http://web/", "HTTP/1.1")
    found = document(event=EventType.L7, layer7=Layer7(http, False))
    assert found["l7"] == {
        "type": "REQUEST",
        "http": {"method": "GET", "url": "http://web/", "protocol": "HTTP/1.1"},
    }
