"""From FROM and TO, as people write them, to predictions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kubehop.ends import parse_source, parse_target
from kubehop.kubernetes.deployments import settled
from kubehop.policy.places import find_source, find_targets
from kubehop.policy.prediction import Prediction, predict
from kubehop.policy.world import read_world

if TYPE_CHECKING:
    from kubehop.kubernetes.client import ApiClient


def explained(client: ApiClient, source: str, target: str, namespace: str) -> list[Prediction]:
    """One for each endpoint that TO may be. Raises ConfigError, ApiError, ApiUnreachable."""
    place, wanted = parse_source(source, namespace), parse_target(target, namespace)
    world = read_world(client)
    start = find_source(world, settled(client, place))
    wanted = replace(wanted, place=settled(client, wanted.place))
    return [predict(world, start, each) for each in find_targets(world, wanted, start)]
