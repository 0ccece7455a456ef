"""Every row that is measured here, in the order of the table, with the goal where there is one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measure:
    """What a row says. The goal is for the ratio where the kernel has a figure, too."""

    unit: str
    goal: float | None = None
    at_most: bool = False
    """Whether less is better; it also says how the goal is meant."""

    def met(self, value: float) -> bool | None:
        """None: there is no goal."""
        if self.goal is None:
            return None
        return value <= self.goal if self.at_most else value >= self.goal


TRAFFIC = {
    "tcp-cross-1": Measure("Gbit/s", 0.30),
    "tcp-cross-4": Measure("Gbit/s"),
    "tcp-same-1": Measure("Gbit/s", 0.60),
    "http-keepalive-16": Measure("req/s", 0.25),
    "http-keepalive-1": Measure("req/s", 0.55),
    "http-close": Measure("req/s", 0.40),
    "rtt-p50": Measure("µs", 4.0, at_most=True),
    "rtt-p99": Measure("µs", at_most=True),
    "udp-64": Measure("packets/s"),
    "cpu-per-GB": Measure("CPU s/GB", at_most=True),
    "dns-first": Measure("ms", at_most=True),
    "agent-memory": Measure("MB, an agent's share, after the traffic", at_most=True),
}

STARTUP = {
    "up-to-ready": Measure("s from `kubehop up` to all nodes Ready", 3.0, at_most=True),
    "up-to-first-200": Measure(
        "s from `kubehop up` to HTTP 200 by Service name", 5.0, at_most=True
    ),
    "agent-rss": Measure("MB resident, idle agent (median of the nodes)", 60.0, at_most=True),
    "agent-pss": Measure("MB proportional, idle agent", 60.0, at_most=True),
    "zygote-pss": Measure("MB proportional, what pods are forked from", 20.0, at_most=True),
    "idle-cpu": Measure("% of one core, whole idle cluster", 2.0, at_most=True),
}

GROUPS = ("traffic", "startup", "scale", "proxy-modes")
"""What BENCH_ONLY may name beside single rows. The rows of `scale` and the tables of
`proxy-modes` come all or none."""
