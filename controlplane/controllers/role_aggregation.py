"""ClusterRoles whose rules are those of other ClusterRoles, chosen by labels.

Source: Kubernetes pkg/controller/clusterroleaggregation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api.access.default_roles import ROLES
from controlplane.controllers.controller import Controller
from netcore.manifest.policies import selector

if TYPE_CHECKING:
    from controlplane.api.client import Client
    from controlplane.controllers.informer import Informers

Object = dict[str, Any]


class RoleAggregation(Controller[str]):
    """Keeps the rules of every ClusterRole that has an aggregationRule."""

    name = "clusterrole-aggregation"

    def __init__(self, client: Client, informers: Informers) -> None:
        super().__init__()
        self._client = client
        self._roles = informers.of(ROLES)
        self._roles.subscribe(self._changed)

    def _changed(self, _old: Object | None, _new: Object | None) -> None:
        for role in self._roles:
            if role.get("aggregationRule"):
                self.queue.add(role["metadata"]["name"])

    async def reconcile(self, key: str) -> None:
        role = self._roles.get("", key)
        if role is None or not role.get("aggregationRule"):
            return
        rules = self._rules(role)
        if rules != (role.get("rules") or []):
            await self._client.patch(ROLES, key, lambda current: current.update(rules=rules))

    def _rules(self, role: Object) -> list[Object]:
        """By the names of the roles; each rule once."""
        wanted = [
            selector(each) for each in role["aggregationRule"].get("clusterRoleSelectors", ())
        ]
        found: list[Object] = []
        for other in sorted(self._roles, key=lambda each: str(each["metadata"]["name"])):
            labels = other["metadata"].get("labels") or {}
            if other is role or all(each.first_unmet(labels) for each in wanted):
                continue
            found += [rule for rule in other.get("rules") or () if rule not in found]
        return found
