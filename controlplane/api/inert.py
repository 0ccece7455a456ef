"""Kinds that are stored and served, but that nothing acts upon: a client is told at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.api.strategies.autoscaler import WITHOUT_EFFECT

if TYPE_CHECKING:
    from controlplane.api.resources import Resource

_WITHOUT_EFFECT = {
    "horizontalpodautoscalers.autoscaling": WITHOUT_EFFECT,
    "persistentvolumeclaims": "its volume is a directory that goes with each pod",
}


def inert_warning(resource: Resource) -> str | None:
    """What to tell who creates an object of a kind without effect; None for all others."""
    why = _WITHOUT_EFFECT.get(resource.qualified)
    return f"kubehop keeps this {resource.kind}, but {why}" if why else None
