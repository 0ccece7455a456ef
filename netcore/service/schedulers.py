"""The schedulers of IPVS. kube-proxy gives all backends the same weight, 1.

Source: Linux net/netfilter/ipvs/ip_vs_{rr,wrr,lc,wlc,sh,dh,sed,nq}.c.
"""

from collections.abc import Callable

from netcore.service.balancing import Choice, NextTurn
from netcore.service.frontend import Backend
from netcore.service.modes.base import Offer

Scheduler = Callable[[Offer], Choice]

_ACTIVE_COST = 256  # of an active connection, beside an inactive one (ip_vs.h)
_HASH_BITS = 8
_GOLDEN_RATIO_32 = 0x61C88647  # include/linux/hash.h


def round_robin(offer: Offer) -> Choice:
    """One after the other. With equal weights, the weighted kind does the same."""
    count, scope = len(offer.backends), offer.frontend.key
    turn = offer.balancing.turn(scope) % count
    why = f"round robin: endpoint {turn + 1} of {count}"
    return Choice(offer.backends[turn], why, (NextTurn(scope, turn + 1),))


def least_connection(offer: Offer) -> Choice:
    """The fewest connections, an active one counting as much as 256 inactive ones."""

    def overhead(active: int, inactive: int) -> int:
        return active * _ACTIVE_COST + inactive

    return _least(offer, overhead, "least connections")


def shortest_expected_delay(offer: Offer) -> Choice:
    """The fewest active connections once this one is there."""
    return _least(offer, lambda active, _: active + 1, "shortest expected delay")


def never_queue(offer: Offer) -> Choice:
    """One that has nothing to do, if there is one, else the shortest expected delay."""
    for number, backend in enumerate(offer.backends, 1):
        if not offer.load(offer.frontend.key, backend.place)[0]:
            return Choice(backend, f"never queue: endpoint {number} has no active connection")
    return shortest_expected_delay(offer)


def source_hash(offer: Offer) -> Choice:
    """A client always comes to the same one while they stay the same."""
    return _hashed(offer, offer.flow.src, "source hash")


def destination_hash(offer: Offer) -> Choice:
    """A destination always comes to the same one while they stay the same."""
    return _hashed(offer, offer.flow.dst, "destination hash")


SCHEDULERS: dict[str, Scheduler] = {
    "rr": round_robin,
    "wrr": round_robin,
    "lc": least_connection,
    "wlc": least_connection,
    "sh": source_hash,
    "dh": destination_hash,
    "sed": shortest_expected_delay,
    "nq": never_queue,
}
"""By the names that `ipvsadm --scheduler` takes."""


def _least(offer: Offer, cost: Callable[[int, int], int], name: str) -> Choice:
    """The first of those that cost the least."""

    def of(backend: Backend) -> int:
        return cost(*offer.load(offer.frontend.key, backend.place))

    chosen = min(offer.backends, key=of)
    active, inactive = offer.load(offer.frontend.key, chosen.place)
    return Choice(chosen, f"{name}: it has {active} active and {inactive} inactive ones")


def _hashed(offer: Offer, address: bytes, name: str) -> Choice:
    bucket = _hash_32(_folded(address))
    at = bucket % len(offer.backends)
    why = f"{name}: bucket {bucket} holds endpoint {at + 1} of {len(offer.backends)}"
    return Choice(offer.backends[at], why)


def _folded(address: bytes) -> int:
    """An address as one 32-bit number."""
    folded = 0
    for at in range(0, len(address), 4):
        folded ^= int.from_bytes(address[at : at + 4], "big")
    return folded


def _hash_32(value: int) -> int:
    return (value * _GOLDEN_RATIO_32 & 0xFFFFFFFF) >> (32 - _HASH_BITS)
