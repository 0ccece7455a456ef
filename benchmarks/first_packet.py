"""What the first packet of a flow costs: one decision, with so many Services known."""

import statistics
import time
from collections.abc import Sequence

from benchmarks.services import CLIENT, all_services, empty_cluster, first_packets
from netcore.conntrack.table import ConntrackTable
from netcore.model.config import DEFAULT_PROXY_MODE
from netcore.packet.packet import Packet
from netcore.pipeline.context import Context
from netcore.pipeline.decide import decide
from netcore.pipeline.snapshot import Snapshot
from netcore.service.balancing import BalancingTable

_ROUNDS = 25
PACKETS = 400


def first_packet_us(sizes: Sequence[int]) -> dict[int, float]:
    """Median microseconds by number of Services. The sizes take turns: load hits all alike."""
    empty = empty_cluster(DEFAULT_PROXY_MODE)
    snapshots = {size: empty.advance(all_services(size)) for size in sizes}
    packets = {size: list(first_packets(size, PACKETS)) for size in sizes}
    values: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(_ROUNDS):
        for size in sizes:
            values[size].append(decide_us(snapshots[size], packets[size]))
    return {size: statistics.median(found) for size, found in values.items()}


def decide_us(snapshot: Snapshot, packets: Sequence[Packet]) -> float:
    """Mean microseconds to decide a flow's first packet and to remember the flow."""
    flows = ConntrackTable()
    context = Context(CLIENT, 1000.0, BalancingTable(), lambda below: below // 2)
    began = time.perf_counter()
    for packet in packets:
        decision = decide(snapshot, flows, packet, context)
        if decision.entry is None or not flows.insert(decision.entry, context.now_s):
            raise RuntimeError(f"not a new flow: {decision}")
    return (time.perf_counter() - began) / len(packets) * 1e6
