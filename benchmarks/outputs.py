"""What the measuring programs print, as figures. Pure; every function raises BadOutput."""

import json
import re
import statistics
from typing import Any, NamedTuple

from netcore.model.errors import KubehopError

_PING_TIME = re.compile(r"\btime=([0-9.]+) ms")
_WRK_RATE = re.compile(r"^Requests/sec:\s+([0-9.]+)$", re.MULTILINE)
_WRK_ERRORS = re.compile(r"^\s*(Socket errors:.*|Non-2xx.*)$", re.MULTILINE)
_BUSY_COLUMNS = (1, 2, 3, 6, 7)  # proc_stat(5): user, nice, system, irq, softirq
_FEWEST_PINGS = 20


class BadOutput(KubehopError):
    """A program's output has not the figure that is looked for."""


class Transfer(NamedTuple):
    """What the receiver of a TCP transfer got."""

    gbit_s: float
    bytes: int


class RoundTrip(NamedTuple):
    """Percentiles in microseconds."""

    p50_us: float
    p99_us: float


def tcp_transfer(text: str) -> Transfer:
    """`iperf3 --json`, TCP."""
    received = _iperf3_sum(text)
    return Transfer(received["bits_per_second"] / 1e9, received["bytes"])


def udp_packets_s(text: str) -> float:
    """`iperf3 --json --udp`: packets that arrived, per second."""
    received = _iperf3_sum(text)
    if not received["seconds"]:
        raise BadOutput("iperf3: the transfer has no length")
    return float((received["packets"] - received["lost_packets"]) / received["seconds"])


def _iperf3_sum(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
        if "error" in found:
            raise BadOutput(f"iperf3: {found['error']}")
        return dict(found["end"]["sum_received"])
    except (ValueError, KeyError, TypeError) as error:
        raise BadOutput(f"iperf3: no result in its output ({error!r})") from error


def wrk_rate(text: str) -> float:
    """wrk's requests per second; a request that failed makes the figure void."""
    if failed := _WRK_ERRORS.search(text):
        raise BadOutput(f"wrk: {failed[1]}")
    if (rate := _WRK_RATE.search(text)) is None or float(rate[1]) == 0:
        raise BadOutput("wrk: no requests per second in its output")
    return float(rate[1])


def ping_round_trip(text: str) -> RoundTrip:
    """ping's replies, one per line."""
    times_us = [float(found) * 1000 for found in _PING_TIME.findall(text)]
    if len(times_us) < _FEWEST_PINGS:
        raise BadOutput(f"ping: only {len(times_us)} replies")
    cuts = statistics.quantiles(times_us, n=100, method="inclusive")
    return RoundTrip(cuts[49], cuts[98])


def busy_ticks(text: str) -> int:
    """/proc/stat: what all processors have worked, in clock ticks; waiting is not work."""
    fields = text.partition("\n")[0].split()
    if fields[:1] != ["cpu"] or len(fields) <= max(_BUSY_COLUMNS):
        raise BadOutput("/proc/stat: no line of all processors")
    return sum(int(fields[column]) for column in _BUSY_COLUMNS)
