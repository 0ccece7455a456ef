"""One measurement each: a program run in the pods' namespaces, and its figures."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.outputs import busy_ticks, ping_round_trip, tcp_transfer, udp_packets_s, wrk_rate
from benchmarks.place import Place
from benchmarks.site import Site

Figures = dict[str, float]

_IPERF3_PORT = 5201
_PATIENCE_S = 20.0
_PING_INTERVAL_S = 0.002
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Probe:
    """What gives the rows of these names. An empty answer: this site has no such figure."""

    names: tuple[str, ...]
    run: Callable[[Site, int], Figures]
    """With the seconds that it shall take. Raises ProbeFailed or BadOutput."""


def _iperf3(client: Place, server: Place, address: str, seconds: int, *options: str) -> str:
    serve = ("iperf3", "--server", "--one-off", "--port", str(_IPERF3_PORT))
    ask = ("iperf3", "--json", "--port", str(_IPERF3_PORT), "--time", str(seconds))
    with server.serving(_IPERF3_PORT, *serve):
        limit_s = seconds + _PATIENCE_S
        return client.run(*ask, *options, "--client", address, timeout_s=limit_s)


def _tcp_cross_1(site: Site, seconds: int) -> Figures:
    before = _busy_ticks()
    text = _iperf3(site.client, site.server, site.plan.server, seconds)
    used_s = (_busy_ticks() - before) / _TICKS_PER_S
    transfer = tcp_transfer(text)
    return {"tcp-cross-1": transfer.gbit_s, "cpu-per-GB": used_s / (transfer.bytes / 1e9)}


def _busy_ticks() -> int:
    return busy_ticks(Path("/proc/stat").read_text())


def _tcp_cross_4(site: Site, seconds: int) -> Figures:
    text = _iperf3(site.client, site.server, site.plan.server, seconds, "--parallel", "4")
    return {"tcp-cross-4": tcp_transfer(text).gbit_s}


def _tcp_same_1(site: Site, seconds: int) -> Figures:
    text = _iperf3(site.client, site.neighbour, site.plan.neighbour, seconds)
    return {"tcp-same-1": tcp_transfer(text).gbit_s}


def _udp_64(site: Site, seconds: int) -> Figures:
    flood = ("--udp", "--length", "64", "--bitrate", "0")
    text = _iperf3(site.client, site.server, site.plan.server, seconds, *flood)
    return {"udp-64": udp_packets_s(text)}


def _wrk(name: str, connections: int, *options: str) -> Probe:
    def run(site: Site, seconds: int) -> Figures:
        length = ("--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s")
        url = f"http://{site.plan.service}/"
        limit_s = seconds + _PATIENCE_S
        text = site.client.run("wrk", *length, *options, url, timeout_s=limit_s)
        return {name: wrk_rate(text)}

    return Probe((name,), run)


_CLOSE = _wrk("http-close", 16, "--header", "Connection: close")


def _http_close(site: Site, seconds: int) -> Figures:
    """Ports in TIME_WAIT are used again: else a client runs out of them within seconds."""
    site.client.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/tcp_tw_reuse")
    return _CLOSE.run(site, seconds)


def _round_trip(site: Site, seconds: int) -> Figures:
    count = str(int(seconds / _PING_INTERVAL_S))
    options = ("-n", "-i", str(_PING_INTERVAL_S), "-c", count, "-w", str(4 * seconds))
    limit_s = 4 * seconds + _PATIENCE_S
    found = ping_round_trip(site.client.run("ping", *options, site.plan.server, timeout_s=limit_s))
    return {"rtt-p50": found.p50_us, "rtt-p99": found.p99_us}


def _dns_first(site: Site, seconds: int) -> Figures:
    del seconds
    return {"dns-first": site.first_request_ms()} if site.first_request_ms else {}


def _agent_memory(site: Site, seconds: int) -> Figures:
    del seconds
    return {"agent-memory": site.agent_memory_mb()} if site.agent_memory_mb else {}


PROBES = (
    Probe(("tcp-cross-1", "cpu-per-GB"), _tcp_cross_1),
    Probe(("tcp-cross-4",), _tcp_cross_4),
    Probe(("tcp-same-1",), _tcp_same_1),
    _wrk("http-keepalive-16", 16),
    _wrk("http-keepalive-1", 1),
    Probe(_CLOSE.names, _http_close),
    Probe(("rtt-p50", "rtt-p99"), _round_trip),
    Probe(("udp-64",), _udp_64),
    Probe(("dns-first",), _dns_first),
    Probe(("agent-memory",), _agent_memory),
)
"""In the order in which they run: what the agents' memory is asked for last."""
