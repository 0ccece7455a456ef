"""Who may reach whom, pod by pod."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubehop.policy.places import find_targets
from kubehop.policy.prediction import predict
from netcore.model.errors import ConfigError

if TYPE_CHECKING:
    from kubehop.policy.world import World


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
    names = sorted(f"{pod.namespace}/{pod.name}" for pod in pods)
    suffix = f":{port}" if port else ""
    targets = {name: find_targets(world, name + suffix, "")[0] for name in names}
    rows: list[list[bool | None]] = [
        [
            None if source == name else predict(world, targets[source].place, target).allowed
            for name, target in targets.items()
        ]
        for source in names
    ]
    return names, rows
