"""Which resolvers names outside the cluster go to."""

from collections.abc import Iterable
from dataclasses import dataclass

from netcore.model.address import IpAddress, authority, parse_address
from netcore.model.errors import ConfigError

MAX_UPSTREAMS = 15
DNS_PORT = 53


@dataclass(frozen=True, slots=True)
class Upstream:
    """A resolver. `host` may carry an IPv6 zone: fe80::1%eth0."""

    host: str
    port: int = DNS_PORT

    def __str__(self) -> str:
        return authority(self.host, self.port)


def parse_resolv_conf(text: str) -> tuple[Upstream, ...]:
    """The nameservers of a resolv.conf(5), at most 15. Lines that name no address are skipped."""
    found: dict[Upstream, None] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) < 2 or words[0] != "nameserver":
            continue
        try:
            found[Upstream(str(parse_address(words[1])))] = None
        except ConfigError:
            continue
    return tuple(found)[:MAX_UPSTREAMS]


def without_self(
    upstreams: Iterable[Upstream], own: Iterable[tuple[IpAddress, int]]
) -> tuple[Upstream, ...]:
    """`upstreams` less those that are this server itself: that would be a loop.

    `own` are the addresses and ports at which the server is reached. Listening at an
    unspecified address means listening at every loopback address too.
    """
    listening = tuple(own)
    return tuple(upstream for upstream in upstreams if not _is_self(upstream, listening))


def _is_self(upstream: Upstream, own: tuple[tuple[IpAddress, int], ...]) -> bool:
    address = parse_address(upstream.host)
    return any(
        port == upstream.port and (address == mine or (mine.is_unspecified and address.is_loopback))
        for mine, port in own
    )
