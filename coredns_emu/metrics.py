"""What CoreDNS' `prometheus` plugin tells, under its names.

Source: CoreDNS plugin/metrics (vars/vars.go, vars/monitor.go).
"""

from __future__ import annotations

import time
from importlib.metadata import version
from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge, Histogram

from netcore.dns.records import Rcode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from prometheus_client import CollectorRegistry

    from coredns_emu.query import Client, Transport
    from coredns_emu.responder import Responder
    from coredns_emu.state import ClusterState

_SERVER, _ZONE, _VIEW = "dns://:53", ".", ""
_WHERE = ("server", "zone", "view")
_SECONDS = tuple(0.00025 * 2**power for power in range(16))
_BYTES = (0, 100, 200, 300, 400, 511, 1023, 2047, 4095, 8291, 16e3, 32e3, 48e3, 64e3)
_TYPES = {1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA",
          33: "SRV", 43: "DS", 46: "RRSIG", 47: "NSEC", 48: "DNSKEY", 50: "NSEC3", 65: "HTTPS",
          255: "ANY"}  # fmt: skip
_OTHER = "other"
_HEADER_BYTES = 12
_RCODE_MASK = 0x0F


class MeasuredResponder:
    """A Responder whose requests and replies are counted. What gets no reply is not."""

    def __init__(
        self,
        inner: Responder,
        registry: CollectorRegistry,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._inner = inner
        self._clock = clock
        self._requests = Counter(
            "coredns_dns_requests",
            "Counter of DNS requests made per zone, protocol and family.",
            (*_WHERE, "proto", "family", "type"),
            registry=registry,
        )
        self._responses = Counter(
            "coredns_dns_responses",
            "Counter of response status codes.",
            (*_WHERE, "rcode", "plugin"),
            registry=registry,
        )
        self._seconds = Histogram(
            "coredns_dns_request_duration_seconds",
            "Histogram of the time (in seconds) each request took per zone.",
            _WHERE,
            buckets=_SECONDS,
            registry=registry,
        ).labels(_SERVER, _ZONE, _VIEW)
        self._asked = _sizes("request", registry)
        self._answered = _sizes("response", registry)

    def respond(
        self, wire: bytes, transport: Transport, client: Client
    ) -> bytes | Awaitable[bytes] | None:
        """See Responder."""
        began = self._clock()
        result = self._inner.respond(wire, transport, client)
        if isinstance(result, bytes):
            self._count(began, wire, result, transport, client)
        elif result is not None:
            return self._later(began, wire, result, transport, client)
        return result

    async def _later(
        self, began: float, wire: bytes, result: Awaitable[bytes], transport: Transport,
        client: Client,
    ) -> bytes:  # fmt: skip
        reply = await result
        self._count(began, wire, reply, transport, client)
        return reply

    def _count(
        self, began: float, wire: bytes, reply: bytes, transport: Transport, client: Client
    ) -> None:
        where = (_SERVER, _ZONE, _VIEW)
        family = "2" if ":" in client[0] else "1"
        self._requests.labels(*where, transport, family, question_type(wire)).inc()
        self._responses.labels(*where, rcode_name(reply), "").inc()
        self._seconds.observe(self._clock() - began)
        self._asked.labels(*where, transport).observe(len(wire))
        self._answered.labels(*where, transport).observe(len(reply))


def describe_server(registry: CollectorRegistry, plugins: list[str], state: ClusterState) -> None:
    """What the server is: its version, its plugins, whether it knows the cluster."""
    Gauge(
        "coredns_build_info",
        "A metric with a constant '1' value labeled by version, revision, and goversion.",
        ("version", "revision", "goversion"),
        registry=registry,
    ).labels(f"kubehop-{version('kubehop')}", "", "").set(1)
    enabled = Gauge(
        "coredns_plugin_enabled",
        "A metric that indicates whether a plugin is enabled on per server and zone basis.",
        (*_WHERE, "name"),
        registry=registry,
    )
    for name in plugins:
        enabled.labels(_SERVER, _ZONE, _VIEW, name).set(1)
    synced = Gauge("kubehop_dns_synced", "Whether the cluster's state is known.", registry=registry)
    synced.set_function(lambda: float(state.synced))


def question_type(wire: bytes) -> str:
    """The type that is asked for, `other` for rare ones and for what is no question."""
    at = _HEADER_BYTES
    while at < len(wire) and 0 < wire[at] < 64:
        at += wire[at] + 1
    number = int.from_bytes(wire[at + 1 : at + 3], "big")
    return _TYPES.get(number, _OTHER)


def rcode_name(reply: bytes) -> str:
    """NOERROR, NXDOMAIN, ...; without what EDNS adds to it."""
    number = reply[3] & _RCODE_MASK if len(reply) >= _HEADER_BYTES else -1
    try:
        return Rcode(number).name
    except ValueError:
        return _OTHER


def _sizes(what: str, registry: CollectorRegistry) -> Histogram:
    return Histogram(
        f"coredns_dns_{what}_size_bytes",
        f"Size of the {what} in bytes per zone and protocol.",
        (*_WHERE, "proto"),
        buckets=_BYTES,
        registry=registry,
    )
