"""The packet path's metrics: made of its plain counters when somebody asks.

The packet path pays nothing for them. Labels are verdicts and reasons of the code, so their
number is bounded. Names and labels are those of Cilium and Hubble where they count the same.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from netcore.pipeline.verdict import DropReason
from nodeagent.agent import Agent
from nodeagent.datapath.base import DROPPED
from nodeagent.metrics.words import reason_text

_FORWARDED = {
    "deliver": ("INGRESS", "to-endpoint"),
    "encap": ("EGRESS", "to-overlay"),
    "tohost": ("EGRESS", "to-stack"),
}
"""Verdict -> Cilium's direction, Hubble's observation point."""
_QUEUES = {"drop_queue_full": "Queue full", "drop_tunnel_queue_overflow": "Tunnel queue overflow"}
_VERDICTS = ("deliver", "encap", "tohost", "drop", "reject", "reply")
_REASONS = {f"drop_{reason.name.lower()}": reason.name for reason in DropReason}
_NO_DIRECTION = "UNKNOWN"
_NO_PROTOCOL = "Unknown"


class DatapathCollector(Collector):
    """Reads the agent's datapath and snapshot. In the event loop's thread only."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def collect(self) -> Iterable[Metric]:
        counted = self._agent.datapath.stats()
        yield from _forwarded(counted)
        yield _dropped(counted)
        yield _hubble_drops(counted)
        yield _flows(counted)
        yield from _packets(counted)
        yield from _conntrack(counted)
        yield from self._state()

    def describe(self) -> Iterable[Metric]:
        """Not asked at registration: there may be no datapath yet."""
        return ()

    def _state(self) -> Iterable[Metric]:
        agent = self._agent
        snapshot = agent.snapshot
        yield _gauge(
            "kubehop_snapshot_revision", "Revision of the network state.", snapshot.revision
        )
        yield _gauge(
            "kubehop_applied_revision",
            "Revision that the datapath decides by.",
            agent.applied_revision,
        )
        yield _gauge("kubehop_node_ready", "Whether the node can serve pods.", agent.readiness[0])
        yield _gauge("kubehop_pods", "Pods attached to the datapath.", len(tuple(agent.ports())))
        objects = GaugeMetricFamily(
            "kubehop_snapshot_objects", "Objects of the network state.", labels=["kind"]
        )
        for kind in ("nodes", "pods", "services", "endpoint_slices"):
            objects.add_metric([kind], len(getattr(snapshot, kind)))
        yield objects


def _forwarded(counted: Mapping[str, int]) -> Iterable[Metric]:
    packets = CounterMetricFamily(
        "cilium_forward_count", "Total forwarded packets.", labels=["direction"]
    )
    size = CounterMetricFamily(
        "cilium_forward_bytes", "Total forwarded bytes.", labels=["direction"]
    )
    for direction in ("INGRESS", "EGRESS"):
        names = [name for name, (way, _) in _FORWARDED.items() if way == direction]
        packets.add_metric([direction], sum(counted.get(f"{n}_packets", 0) for n in names))
        size.add_metric([direction], sum(counted.get(f"{n}_bytes", 0) for n in names))
    return packets, size


def _dropped(counted: Mapping[str, int]) -> Metric:
    drops = CounterMetricFamily(
        "cilium_drop_count", "Total dropped packets.", labels=["reason", "direction"]
    )
    by_direction: Counter[tuple[str, str]] = Counter()
    for reason, direction, _, value in _decided_drops(counted):
        by_direction[reason_text(reason), direction] += value
    for labels, value in by_direction.items():
        drops.add_metric(labels, value)
    for name, value in counted.items():
        if name in _QUEUES:
            drops.add_metric([_QUEUES[name], _NO_DIRECTION], value)
    return drops


def _hubble_drops(counted: Mapping[str, int]) -> Metric:
    drops = CounterMetricFamily("hubble_drop", "Number of drops.", labels=["reason", "protocol"])
    by_protocol: Counter[tuple[str, str]] = Counter()
    for reason, _, protocol, value in _decided_drops(counted):
        by_protocol[reason, protocol] += value
    for labels, value in by_protocol.items():
        drops.add_metric(labels, value)
    return drops


def _decided_drops(counted: Mapping[str, int]) -> Iterable[tuple[str, str, str, int]]:
    """Reason, direction, protocol, how many. What was dropped before it could be read as a packet
    has neither of them.
    """
    told: Counter[str] = Counter()
    for name, value in counted.items():
        if name.startswith(DROPPED):
            reason, direction, protocol = name.removeprefix(DROPPED).split(" ", 2)
            told[reason] += value
            yield reason, direction, protocol, value
    for name, reason in _REASONS.items():
        rest = counted.get(name, 0) - told[reason]
        if rest > 0:
            yield reason, _NO_DIRECTION, _NO_PROTOCOL, rest


def _flows(counted: Mapping[str, int]) -> Metric:
    flows = CounterMetricFamily(
        "hubble_flows_processed",
        "Total number of flows processed: here one is one packet.",
        labels=["type", "subtype", "verdict"],
    )
    for name, (_, point) in _FORWARDED.items():
        flows.add_metric(["Trace", point, "FORWARDED"], counted.get(f"{name}_packets", 0))
    by_reason: Counter[str] = Counter()
    for reason, _, _, value in _decided_drops(counted):
        by_reason[reason] += value
    for reason, value in by_reason.items():
        flows.add_metric(["Drop", reason_text(reason), "DROPPED"], value)
    return flows


def _packets(counted: Mapping[str, int]) -> Iterable[Metric]:
    packets = CounterMetricFamily(
        "kubehop_packets", "Packets by what became of them.", labels=["verdict"]
    )
    size = CounterMetricFamily(
        "kubehop_packet_bytes", "Bytes of frames by what became of them.", labels=["verdict"]
    )
    for verdict in _VERDICTS:
        packets.add_metric([verdict], counted.get(f"{verdict}_packets", 0))
        size.add_metric([verdict], counted.get(f"{verdict}_bytes", 0))
    return (
        packets,
        size,
        CounterMetricFamily(
            "kubehop_decided_packets",
            "Packets that were decided; all others took the answer kept for their flow.",
            value=counted.get("decided_packets", 0),
        ),
    )


def _conntrack(counted: Mapping[str, int]) -> Iterable[Metric]:
    return (
        _gauge("kubehop_conntrack_entries", "Tracked flows.", counted.get("conntrack_entries", 0)),
        _gauge(
            "kubehop_conntrack_entries_limit",
            "Flows that can be tracked at most.",
            counted.get("conntrack_limit", 0),
        ),
        CounterMetricFamily(
            "kubehop_conntrack_early_drops",
            "Flows that gave way to new ones since the table was full.",
            value=counted.get("conntrack_early_drops", 0),
        ),
    )


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_text, value=value)
