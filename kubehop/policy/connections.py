"""Connections as nodes recorded them, judged again."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from kubehop.observing.flow import DESTINATION, EVENT_TYPES, SOURCE, number, part, text
from netcore.conntrack.tuple import FlowTuple
from netcore.packet.protocols import PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_NAMES
from netcore.pipeline.stages.policy import egress_question, ingress_question, judge_question

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kubehop.policy.world import World
    from netcore.pipeline.snapshot import Snapshot
    from netcore.policy.judgement import Judgement

_NUMBERS = {name: number for number, name in PROTOCOL_NAMES.items()}
_NUMBERS |= {"ICMPv4": PROTOCOL_ICMP, "ICMPv6": PROTOCOL_ICMPV6}
_PodName = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Connection:
    """The first packet of one, as one node saw it: translated, and `carried` as it went on, with
    the source that masquerading gave it. `line` is what was recorded.
    """

    node: str
    flow: FlowTuple
    carried: FlowTuple
    source: _PodName | None
    destination: _PodName | None
    forwarded: bool
    line: dict[str, Any]

    @property
    def ends(self) -> str:
        """For people: `shop/web -> shop/db:5432/TCP`."""
        protocol = PROTOCOL_NAMES.get(self.flow.protocol, str(self.flow.protocol))
        names = [
            "/".join(pod) if pod else str(ip_address(ip))
            for pod, ip in ((self.source, self.flow.src), (self.destination, self.flow.dst))
        ]
        port = f":{self.flow.dst_port}" if self.flow.dst_port else ""
        return f"{names[0]} -> {names[1]}{port}/{protocol}"


def connections(lines: Iterable[dict[str, Any]]) -> Iterator[Connection]:
    """Out of the flows that `kubehop observe -o json` shows; each node's sight of one is its own.

    Answers, closes and what is no packet of a connection are passed over.
    """
    for line in lines:
        flow = line.get("flow")
        if isinstance(flow, dict) and _begins(flow):
            found = _connection(flow, line)
            if found is not None:
                yield found


class Judge:
    """Judges connections by one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._views: dict[str, Snapshot] = {}

    def knows(self, connection: Connection) -> bool:
        """Whether its pods are (still) those that have the addresses."""
        pods = self._world.snapshot.pods_by_ip
        for address, name in (
            (connection.flow.src, connection.source),
            (connection.flow.dst, connection.destination),
        ):
            pod = pods.get(address)
            if (None if pod is None else pod.key) != name:
                return False
        return True

    def judgements(self, connection: Connection) -> list[Judgement]:
        """What its node would say: of the pod that sends, of the pod that is asked, if they are
        that node's.
        """
        view = self._view(connection.node)
        flow, carried = connection.flow, connection.carried
        asked = (egress_question(view, flow, flow), ingress_question(view, flow, carried))
        return [judge_question(view, each) for each in asked if each is not None]

    def sender(self, connection: Connection) -> list[Judgement]:
        """What the sender's node would say of the pod that sends, wherever that is."""
        pod = self._world.snapshot.pods_by_ip.get(connection.flow.src)
        view = self._view(pod.node_name if pod else "")
        asked = egress_question(view, connection.flow, connection.flow)
        return [] if asked is None else [judge_question(view, asked)]

    def _view(self, node: str) -> Snapshot:
        view = self._views.get(node)
        if view is None:
            view = self._views[node] = self._world.seen_from(node)
        return view


def denial(judgements: Iterable[Judgement]) -> Judgement | None:
    """The first that does not allow."""
    return next((each for each in judgements if not each.allowed), None)


def _begins(flow: dict[str, Any]) -> bool:
    kind = number(part(flow, "event_type"), "type")
    verdict = text(flow, "verdict")
    if verdict == "FORWARDED":
        meant = kind == EVENT_TYPES["trace"] and flow.get("is_reply") is False
    else:
        meant = kind == EVENT_TYPES["policy-verdict"] and verdict in ("DROPPED", "AUDIT")
    if not meant:
        return False
    tcp = part(flow, "l4").get("TCP")
    if not isinstance(tcp, dict):
        return True
    flags = part(tcp, "flags")
    return bool(flags.get("SYN")) and not flags.get("ACK")


def _connection(flow: dict[str, Any], line: dict[str, Any]) -> Connection | None:
    layer4, addresses = part(flow, "l4"), part(flow, "IP")
    name = next(iter(layer4), "")
    protocol = _NUMBERS.get(name)
    if protocol is None:
        return None
    try:
        src = ip_address(text(addresses, "source")).packed
        dst = ip_address(text(addresses, "destination")).packed
        translated = text(addresses, "source_xlated")
        carried_src = ip_address(translated).packed if translated else src
    except ValueError:
        return None
    ports = part(layer4, name)
    source_port, port = number(ports, "source_port"), number(ports, "destination_port")
    found = FlowTuple(protocol, src, source_port, dst, port)
    return Connection(
        node=text(flow, "node_name"),
        flow=found,
        carried=found._replace(src=carried_src),
        source=_pod(part(flow, SOURCE)),
        destination=_pod(part(flow, DESTINATION)),
        forwarded=text(flow, "verdict") != "DROPPED",
        line=line,
    )


def _pod(end: Any) -> _PodName | None:
    name = text(end, "pod_name")
    return (text(end, "namespace"), name) if name else None
