"""Ingresses: what of them this cluster's load balancer does not do is said to their writer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.api.strategies.tree import child, children
from controlplane.api.strategy import BaseStrategy

if TYPE_CHECKING:
    from controlplane.api.strategies.tree import Object
    from controlplane.api.strategy import Context

CLASS = "kubehop"


class IngressStrategy(BaseStrategy):
    """No rules of its own: only warnings."""

    async def prepare_create(self, obj: Object, ctx: Context) -> None:
        """Says what will have no effect."""
        ctx.warnings.extend(ingress_warnings(obj))

    async def prepare_update(self, obj: Object, old: Object, ctx: Context) -> None:
        """The same; a status is not its writer's word."""
        if not ctx.subresource:
            ctx.warnings.extend(ingress_warnings(obj))


def ingress_warnings(ingress: Object) -> list[str]:
    """The texts of `Warning:` headers about an Ingress."""
    spec = child(ingress, "spec")
    name = spec.get("ingressClassName") or CLASS
    if name != CLASS:
        return [f'kubehop serves Ingresses of the class "{CLASS}", or of none: not of "{name}"']
    if children(spec, "tls"):
        return ["kubehop does not terminate TLS: spec.tls has no effect, hosts answer at port 80"]
    return []
