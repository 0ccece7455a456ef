"""What two sets of NetworkPolicies allow differently between the pods of a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

from kubehop.policy.places import Place, Target, place_of
from kubehop.policy.prediction import predict
from netcore.model.policy import Direction
from netcore.packet.protocols import PROTOCOL_ICMP, PROTOCOL_NAMES, protocol_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kubehop.policy.world import World
    from netcore.model.pod import Pod
    from netcore.model.policy import Policy

_NUMBERS = {name: number for number, name in PROTOCOL_NAMES.items()}
_LAST_PORT = 65535
_OUTSIDE = Place(
    "an address outside",
    (ip_address("192.0.2.1").packed, ip_address("2001:db8::1").packed),  # RFC 5737, RFC 3849
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One connection whose verdict is another; `port` None: of a protocol without ports."""

    source: str
    target: str
    protocol: str
    port: int | None
    allowed_before: bool

    def __str__(self) -> str:
        end = self.protocol if self.port is None else f"{self.protocol} {self.port}"
        change = "allowed -> DENIED" if self.allowed_before else "denied -> ALLOWED"
        return f"{self.source} -> {self.target} {end}: {change}"


def differences(before: World, after: World) -> Iterator[Difference]:
    """Every pair of pods, and one address outside, at each port at which a rule of either set
    begins or ends: between these, verdicts do not change.
    """
    places = [*map(place_of, _pods(before)), _OUTSIDE]
    ports = sorted(_interesting(before, after), key=lambda each: (each[0], each[1] or 0))
    for source in places:
        for place in places:
            if source is place:
                continue
            for protocol, port in ports:
                target = Target(place, protocol, port)
                one, other = (predict(w, source, target).allowed for w in (before, after))
                if one != other:
                    name = protocol_name(protocol)
                    yield Difference(source.name, place.name, name, port, one)


def _pods(world: World) -> list[Pod]:
    found = (pod for pod in world.snapshot.pods.values() if not pod.host_network)
    return sorted(found, key=lambda pod: pod.key)


def _interesting(*worlds: World) -> set[tuple[int, int | None]]:
    found: set[tuple[int, int | None]] = {(PROTOCOL_ICMP, None)}
    for world in worlds:
        found |= set(_edges(world.snapshot.all_policies.values()))
        for pod in world.snapshot.pods.values():
            found |= {(_NUMBERS[each.protocol], each.port) for each in pod.named_ports}
    return found


def _edges(policies: Iterable[Policy]) -> Iterator[tuple[int, int]]:
    for policy in policies:
        for direction in Direction:
            for rule in policy.rules(direction):
                for port in rule.ports:
                    if not port.name:
                        number = _NUMBERS.get(port.protocol, 0)
                        edges = {max(port.first, 1), port.last, port.last + 1}
                        yield from ((number, edge) for edge in edges if edge <= _LAST_PORT)
