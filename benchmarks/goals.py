"""What a three-node cluster is meant to cost."""

from typing import NamedTuple


class Goal(NamedTuple):
    value: float
    unit: str


GOALS = {
    "up-to-ready": Goal(3.0, "s from `kubehop up` to all nodes Ready"),
    "up-to-first-200": Goal(5.0, "s from `kubehop up` to HTTP 200 by Service name"),
    "agent-rss": Goal(60.0, "MB resident, idle agent (median of the nodes)"),
    "agent-pss": Goal(60.0, "MB proportional, idle agent"),
    "zygote-pss": Goal(20.0, "MB proportional, the process that pods are forked from"),
    "idle-cpu": Goal(2.0, "% of one core, whole idle cluster"),
}
