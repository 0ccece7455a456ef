"""What the packet path keeps of a packet that is worth telling: references, nothing formatted."""

from typing import NamedTuple

from netcore.conntrack.entry import ConntrackEntry
from netcore.conntrack.tuple import FlowTuple
from netcore.model.pod import Pod
from netcore.packet.packet import Packet
from netcore.packet.protocols import PROTOCOL_TCP
from netcore.packet.rewrite import Rewrite
from netcore.pipeline.context import Ingress
from netcore.pipeline.snapshot import Snapshot
from netcore.pipeline.verdict import Decision, Verdict
from netcore.policy.judgement import Judgement

_PORTS_AT = 8


class Sighting(NamedTuple):
    """One packet on one node. `time_ns` is Unix time.

    `packet` is None for frames that could not be parsed, and 12 bytes (addresses and ports as they
    came in) for TCP over IPv4 of a known flow. `source_pod` and `destination_pod` have the
    addresses before source and after destination translation, as they were then.
    """

    time_ns: int
    ingress: Ingress
    packet: Packet | bytes | None
    tcp_flags: int
    verdict: Verdict
    rewrite: Rewrite | None
    entry: ConntrackEntry | None
    is_new: bool
    is_reply: bool
    judgements: tuple[Judgement, ...]
    source_pod: Pod | None
    destination_pod: Pod | None
    payload: bytes | None = None

    @property
    def flow(self) -> FlowTuple | None:
        """As it came in; None when that is not known."""
        match self.packet:
            case None:
                return None
            case bytes(ends):
                ports = ends[_PORTS_AT:]
                return FlowTuple(
                    PROTOCOL_TCP,
                    ends[:4],
                    int.from_bytes(ports[:2], "big"),
                    ends[4:8],
                    int.from_bytes(ports[2:], "big"),
                )
            case packet:
                return FlowTuple(
                    packet.protocol, packet.src, packet.src_port, packet.dst, packet.dst_port
                )

    @property
    def delivered(self) -> FlowTuple | None:
        """As it came in, but to whom it really goes."""
        flow, rewrite = self.flow, self.rewrite
        if flow is None or rewrite is None:
            return flow
        return flow._replace(
            dst=flow.dst if rewrite.dst is None else rewrite.dst,
            dst_port=flow.dst_port if rewrite.dst_port is None else rewrite.dst_port,
        )


_new = tuple.__new__


def sight(
    snapshot: Snapshot,
    time_ns: int,
    ingress: Ingress,
    packet: Packet,
    decision: Decision,
    verdict: Verdict,
    payload: bytes | None = None,
) -> Sighting:
    """A decided packet. `verdict` is what became of it, which may be less than was decided."""
    rewrite = decision.rewrite
    pods = snapshot.pods_by_ip
    destination = packet.dst if rewrite is None else rewrite.dst or packet.dst
    # As the plain tuple that it is: on the packet path its own way would cost four times as much.
    return _new(
        Sighting,
        (
            time_ns, ingress, packet, packet.tcp_flags, verdict, rewrite, decision.entry,
            decision.is_new, decision.is_reply, decision.judgements,
            pods.get(packet.src), pods.get(destination), payload,
        ),
    )  # fmt: skip
