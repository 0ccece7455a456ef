"""The lines of kubehop.dev/v1alpha1 answers."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from controlplane.rpc.agent_types import Dump, Flow, Hop, Packet
    from controlplane.rpc.capture_types import Dropped, Frame

NDJSON = "application/x-ndjson"
_NS = 1_000_000_000


def line(document: dict[str, Any]) -> bytes:
    """One line of NDJSON."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def packet(found: Packet) -> dict[str, Any]:
    """A packet with its hops."""
    return {
        "type": "packet",
        "node": found.node,
        "time": rfc3339_nano(found.time_unix_ns),
        "ingress": found.ingress,
        "summary": found.summary,
        "hops": [_hop(hop) for hop in found.hops],
        "verdict": found.verdict,
        "verdictDetail": found.verdict_detail,
        **_details(found),
    }


def _details(found: Packet) -> dict[str, Any]:
    """What not every packet has."""
    details: dict[str, Any] = {}
    if found.ttl:
        details["ttl"] = found.ttl
    if found.outer is not None:
        outer = found.outer
        details["outer"] = {
            "source": outer.source,
            "sourcePort": outer.source_port,
            "destination": outer.destination,
            "destinationPort": outer.destination_port,
            "vni": outer.vni,
            "ttl": outer.ttl,
            "destinationMAC": outer.destination_mac,
        }
    if found.tracked is not None:
        tracked = found.tracked
        details["conntrack"] = {
            "state": tracked.state,
            "isNew": tracked.is_new,
            "isReply": tracked.is_reply,
            "original": _flow(tracked.original),
            "reply": _flow(tracked.reply),
            "service": tracked.service,
        }
    return details


def _hop(hop: Hop) -> dict[str, Any]:
    timed = {"time": rfc3339_nano(hop.time_unix_ns)} if hop.time_unix_ns else {}
    return {
        **timed,
        "stage": hop.stage,
        "rule": hop.rule,
        "before": _flow(hop.before),
        "after": _flow(hop.after),
        "why": hop.why,
    }


def _flow(flow: Flow | None) -> dict[str, Any] | None:
    if flow is None:
        return None
    return {
        "protocol": flow.protocol,
        "source": flow.source,
        "sourcePort": flow.source_port,
        "destination": flow.destination,
        "destinationPort": flow.destination_port,
    }


def armed(trace_id: str, nodes: list[str]) -> dict[str, Any]:
    """The trace has begun: its id, and the nodes that watch."""
    return {"type": "armed", "id": trace_id, "nodes": nodes}


def warning(node: str, message: str) -> dict[str, Any]:
    """What could not be seen, and why."""
    return {"type": "warning", "node": node, "message": message}


def result(exit_code: int, stdout: bytes, stderr: bytes) -> dict[str, Any]:
    """How the traced command ended."""
    return {
        "type": "result",
        "exitCode": exit_code,
        "stdout": stdout.decode(errors="replace"),
        "stderr": stderr.decode(errors="replace"),
    }


def dump(node: str, found: Dump) -> dict[str, Any]:
    """The tables of a node."""
    tables = [
        {"name": table.name, "columns": [*table.columns], "rows": [[*row] for row in table.rows]}
        for table in found.tables
    ]
    listings = [{"command": shown.command, "text": shown.text} for shown in found.listings]
    return {
        "node": node,
        "revision": found.revision,
        "tables": tables,
        "listings": listings,
    }


def frame(node: str, found: Frame) -> dict[str, Any]:
    """A captured frame; `data` is base64, the time Unix time in nanoseconds."""
    return {
        "type": "frame",
        "node": node,
        "place": found.place,
        "timeUnixNano": found.time_unix_ns,
        "inbound": found.inbound,
        "data": b64encode(found.data).decode(),
        "originalLength": found.original_bytes,
        "packetId": found.packet_id,
        "comment": found.comment,
    }


def dropped(node: str, found: Dropped) -> dict[str, Any]:
    """How many more frames of a place were not kept."""
    return {"type": "dropped", "node": node, "place": found.place, "frames": found.frames}


def rfc3339_nano(unix_ns: int) -> str:
    """UTC with nine digits after the point."""
    seconds, rest = divmod(unix_ns, _NS)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def flows_lost(node: str, unix_ns: int, count: int) -> dict[str, Any]:
    """As Hubble says that flows were overwritten before they could be told."""
    return {
        "lost_events": {"source": "HUBBLE_RING_BUFFER", "num_events_lost": str(count)},
        "node_name": node,
        "time": rfc3339_nano(unix_ns),
    }


def flows_missing(node: str, unix_ns: int, why: str) -> dict[str, Any]:
    """As Hubble's relay says that a node's flows cannot be had."""
    return {
        "node_status": {"state_change": "NODE_ERROR", "node_names": [node], "message": why},
        "node_name": node,
        "time": rfc3339_nano(unix_ns),
    }
