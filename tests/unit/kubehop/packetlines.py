"""The lines of one traced packet: a TCP SYN by a Service's name to a pod on another node."""

from tests.unit.kubehop.tracelines import (
    CLIENT,
    SERVER,
    SERVICE,
    answer_received,
    answered,
    flow,
    hop,
    packet,
    received,
    sent,
)

OUTER = {
    "source": "172.18.0.11",
    "sourcePort": 50123,
    "destination": "172.18.0.12",
    "destinationPort": 4789,
    "vni": 1,
    "ttl": 64,
    "destinationMAC": "0a:58:ac:12:00:0c",
}
TRACKED = {
    "state": "SYN_SENT",
    "isNew": True,
    "isReply": False,
    "original": flow(CLIENT, SERVICE),
    "reply": flow(SERVER, CLIENT),
    "service": "default/backend:http",
}
ARMED = {"type": "armed", "id": "0badcafe", "nodes": ["n1", "n2"]}
RESOLVED = {
    "type": "resolved",
    "name": "backend",
    "by": "dns",
    "addresses": [SERVICE[0]],
    "questions": [
        {
            "name": "backend.default.svc.cluster.local",
            "type": "A",
            "server": "10.96.0.10",
            "sourcePort": 41000,
            "rcode": "NOERROR",
            "addresses": [SERVICE[0]],
            "ms": 1.5,
        }
    ],
    "ms": 1.6,
}
SENDING = {"type": "sending", **flow(CLIENT, SERVICE), "timeUnixNs": 1}
ANSWERED = {
    "type": "reply",
    "outcome": "answered",
    "text": "SYN-ACK",
    "sender": SERVICE[0],
    "ms": 2.5,
}
REFUSED = {**ANSWERED, "outcome": "refused", "text": "connection refused", "sender": ""}
SILENCE = {**ANSWERED, "outcome": "silence", "text": "no answer within 5 s", "sender": ""}
RESULT = {"type": "result", "exitCode": 0, "stdout": "", "stderr": ""}


def at(line, microseconds, **more):
    """The line of a packet that was seen then; each hop one microsecond after the other."""
    hops = [
        {**found, "time": _time(microseconds + number)}
        for number, found in enumerate(line["hops"], 1)
    ]
    return {**line, "time": _time(microseconds), "hops": hops, **more}


def _time(microseconds):
    return f"2026-11-23T21:00:00.{microseconds:06d}000Z"


def whole():
    """All lines of a delivered packet."""
    reply_tracked = {**TRACKED, "state": "SYN_RECV", "isNew": False, "isReply": True}
    return [
        ARMED,
        RESOLVED,
        SENDING,
        ANSWERED,
        at(sent(), 10, ttl=64, outer=OUTER, conntrack=TRACKED),
        at(received(), 400, ttl=63),
        at(answered(), 500, ttl=64),
        at(answer_received(), 900, ttl=63, conntrack=reply_tracked),
        RESULT,
    ]


def dropped(verdict="Drop", detail="POLICY_DENIED"):
    """The packet's own node does not let it pass."""
    to_server = flow(CLIENT, SERVER)
    hops = [
        hop("service", flow(CLIENT, SERVICE), to_server),
        hop("egress policy", to_server, to_server, "no rule matches", "NetworkPolicy default/deny"),
    ]
    return packet("n1", "pod default/web", "TCP SYN", hops, verdict, detail)
