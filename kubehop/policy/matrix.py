"""Who may reach whom, pod by pod."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubehop.ends import parse_target
from kubehop.policy.places import Target, place_of
from kubehop.policy.prediction import predict
from netcore.model.errors import ConfigError
from netcore.packet.protocols import PROTOCOL_ICMP, PROTOCOL_NAMES

if TYPE_CHECKING:
    from kubehop.policy.world import World

_NUMBERS = {name: number for number, name in PROTOCOL_NAMES.items()}


def reach(
    world: World, namespace: str | None, port: str
) -> tuple[list[str], list[list[bool | None]]]:
    """The pods' names, and for each who asks which of them may be asked; None: itself.

    `port` is PORT or PORT/PROTOCOL, empty for ICMP. Raises ConfigError.
    """
    pods = [
        pod
        for pod in world.snapshot.pods.values()
        if not pod.host_network and namespace in (None, pod.namespace)
    ]
    if not pods:
        raise ConfigError(f"no pod runs in namespace {namespace}" if namespace else "no pod runs")
    pods.sort(key=lambda pod: pod.key)
    protocol, number = _port(port)
    targets = {place.name: Target(place, protocol, number) for place in map(place_of, pods)}
    names = list(targets)
    rows: list[list[bool | None]] = [
        [
            None if source == name else predict(world, targets[source].place, target).allowed
            for name, target in targets.items()
        ]
        for source in names
    ]
    return names, rows


def _port(text: str) -> tuple[int, int | None]:
    """Protocol number and port of PORT or PORT/PROTOCOL."""
    if not text:
        return PROTOCOL_ICMP, None
    wanted = parse_target(f"pod/any:{text}", "")
    return _NUMBERS[wanted.protocol or "TCP"], int(wanted.port)
