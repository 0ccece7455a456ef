"""What each proxy mode costs with more and more Services: the first packet, and being in sync.

It is `decide` and `Snapshot.advance` that are measured, in this process: what a node works with,
without devices and without the control plane.
"""

import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.first_packet import PACKETS, decide_us
from benchmarks.proxy_report import MEASURES, Figure, Point
from benchmarks.services import (
    all_services,
    changed_service,
    empty_cluster,
    first_packets,
    frontend_key,
    spread,
)
from netcore.model.change import Batch
from netcore.packet.packet import Packet
from netcore.pipeline.snapshot import Snapshot

MODES = ("iptables", "ipvs", "nftables", "ebpf")
SIZES = (1, 10, 100, 1_000, 5_000)
TURNS = 7
"""In each round, every mode and size has so many turns."""


@dataclass(slots=True)
class _Bench:
    """One mode with so many Services."""

    mode: str
    services: int
    empty: Snapshot
    batch: Batch
    full: Snapshot
    packets: Sequence[Packet]
    values: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in MEASURES})

    def turn(self, number: int) -> None:
        """Every figure once."""
        last = frontend_key(self.services - 1)
        took_s, _ = _timed(lambda: _synced(self.empty, self.batch, last))
        self.values["sync-all"].append(took_s * 1e3)
        changed = changed_service(number * 7919 % self.services, number)
        took_s, _ = _timed(lambda: _synced(self.full, changed, last))
        self.values["sync-one"].append(took_s * 1e6)
        self.values["first-packet"].append(decide_us(self.full, self.packets))
        self.values["rules"].append(_rules_visited(self.full, self.services))


def measure(
    rounds: int, sizes: Sequence[int] = SIZES, modes: Sequence[str] = MODES
) -> list[Figure]:
    """Medians and quartiles of `rounds` times TURNS turns, which all modes and sizes take in an
    order that changes: what else the machine does hits all alike."""
    benches = [_bench(mode, size) for size in sizes for mode in modes]
    order = random.Random(0)
    for number in range(rounds * TURNS):
        if number % TURNS == 0:
            print(f"proxy modes, round {number // TURNS + 1} of {rounds} ...", file=sys.stderr)
        for bench in order.sample(benches, len(benches)):
            bench.turn(number)
    return list(_figures(benches))


def _bench(mode: str, services: int) -> _Bench:
    empty, batch = empty_cluster(mode), all_services(services)
    packets = list(first_packets(services, PACKETS))
    return _Bench(mode, services, empty, batch, empty.advance(batch), packets)


def _synced(snapshot: Snapshot, batch: Batch, key: tuple[bytes, int, int]) -> Snapshot:
    """The next picture, and ready for packets: a mode may prepare its rules with the first."""
    following = snapshot.advance(batch)
    frontend, _ = following.rules.find(key)
    if frontend is None or len(frontend.backends) != 2:
        raise RuntimeError(f"the Service at {key} is not in sync")
    return following


def _rules_visited(snapshot: Snapshot, services: int) -> float:
    keys = map(frontend_key, spread(services, PACKETS))
    return statistics.mean(snapshot.rules.find(key)[1] for key in keys)


def _timed(action: Callable[[], object]) -> tuple[float, object]:
    """Seconds; the result is kept so that its end is not measured."""
    began = time.perf_counter()
    result = action()
    return time.perf_counter() - began, result


def _figures(benches: Sequence[_Bench]) -> Iterator[Figure]:
    for name in MEASURES:
        points = {
            mode: tuple(
                Point(bench.services, tuple(bench.values[name]))
                for bench in benches
                if bench.mode == mode
            )
            for mode in dict.fromkeys(bench.mode for bench in benches)
        }
        yield Figure(name, points)
