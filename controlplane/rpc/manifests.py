"""What one node's agent has to know whole: its pods, and the ConfigMaps and Secrets they name."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from controlplane.api.strategies.service_account_token import token_sources
from netcore.model.change import Change, Manifest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from controlplane.rpc.pod_tokens import PodTokens
    from controlplane.store.base import Stored

Object = dict[str, Any]
Reference = tuple[str, str, str]
"""(kind, namespace, name)"""

CONFIG_PREFIXES = {
    "/registry/core/configmaps/": "ConfigMap",
    "/registry/core/secrets/": "Secret",
}
TOKENS_KIND = "PodTokens"
"""The tokens of one pod: `{"uid": ..., "tokens": {"VOLUME/PATH": TOKEN}}`."""
_KEYS = {kind: prefix for prefix, kind in CONFIG_PREFIXES.items()}


def config_key(reference: Reference) -> str:
    """The store key of a ConfigMap or Secret."""
    kind, namespace, name = reference
    return f"{_KEYS[kind]}{namespace}/{name}"


def references(pod: Object) -> set[Reference]:
    """The ConfigMaps and Secrets that a pod's containers and volumes name."""
    namespace = pod["metadata"]["namespace"]
    return {(kind, namespace, name) for kind, name in _names(pod["spec"]) if name}


def _names(spec: Object) -> Iterator[tuple[str, str]]:
    for field in ("initContainers", "containers"):
        for container in spec.get(field) or ():
            for source in container.get("envFrom") or ():
                yield "ConfigMap", (source.get("configMapRef") or {}).get("name", "")
                yield "Secret", (source.get("secretRef") or {}).get("name", "")
            for variable in container.get("env") or ():
                value = variable.get("valueFrom") or {}
                yield "ConfigMap", (value.get("configMapKeyRef") or {}).get("name", "")
                yield "Secret", (value.get("secretKeyRef") or {}).get("name", "")
    for volume in spec.get("volumes") or ():
        yield "ConfigMap", (volume.get("configMap") or {}).get("name", "")
        yield "Secret", (volume.get("secret") or {}).get("secretName", "")
        for source in (volume.get("projected") or {}).get("sources") or ():
            yield "ConfigMap", (source.get("configMap") or {}).get("name", "")
            yield "Secret", (source.get("secret") or {}).get("name", "")


class NodeManifests:
    """What a node's stream has to contain, folded from the store's events.

    `fetch` reads a ConfigMap or Secret as it is now, by store key; `tokens` gives pods the tokens
    that their volumes ask for, if there is anybody who can.
    """

    def __init__(
        self,
        node_name: str,
        fetch: Callable[[str], Awaitable[Stored | None]],
        tokens: PodTokens | None = None,
    ) -> None:
        self._node_name = node_name
        self._fetch = fetch
        self._tokens = tokens
        self._pods: dict[str, set[Reference]] = {}
        self._wanted: Counter[Reference] = Counter()

    async def pod(self, stored: Stored, *, deleted: bool) -> list[Change]:
        """A pod came, changed or went: its manifest, and configuration that is newly needed."""
        pod = stored.value
        mine = (pod.get("spec") or {}).get("nodeName") == self._node_name
        about = pod["metadata"]
        if deleted or not mine:
            known = self._pods.pop(stored.key, None)
            if known is None and not mine:
                return []
            gone = self._release(known or set())
            gone += self._without_tokens(pod)
            return [Change(Manifest("Pod", about["namespace"], about["name"]), True), *gone]
        tokens = [] if stored.key in self._pods else await self._issue(pod)
        before = self._pods.get(stored.key, set())
        now = references(pod)
        self._pods[stored.key] = now
        fresh = await self._need(now - before)
        gone = self._release(before - now)
        manifest = Manifest("Pod", about["namespace"], about["name"], stored.encoded)
        return [*fresh, *tokens, Change(manifest), *gone]

    async def _issue(self, pod: Object) -> list[Change]:
        """Once for each stream: the tokens last for longer than that."""
        if self._tokens is None or not token_sources(pod):
            return []
        about = pod["metadata"]
        issued = {"uid": about["uid"], "tokens": await self._tokens.issue(pod)}
        encoded = json.dumps(issued).encode()
        return [Change(Manifest(TOKENS_KIND, about["namespace"], about["name"], encoded))]

    def _without_tokens(self, pod: Object) -> list[Change]:
        if self._tokens is None or not token_sources(pod):
            return []
        about = pod["metadata"]
        return [Change(Manifest(TOKENS_KIND, about["namespace"], about["name"]), True)]

    def config(self, kind: str, stored: Stored, *, deleted: bool) -> list[Change]:
        """A ConfigMap or Secret changed: of interest when a pod here names it."""
        about = stored.value["metadata"]
        reference = (kind, about["namespace"], about["name"])
        if not self._wanted[reference]:
            return []
        return [_manifest(reference, None if deleted else stored)]

    async def configuration(self) -> list[Change]:
        """Everything that the pods here name, as it is now."""
        return [_manifest(ref, await self._fetch(config_key(ref))) for ref in sorted(self._wanted)]

    async def _need(self, wanted: set[Reference]) -> list[Change]:
        fresh = [reference for reference in sorted(wanted) if not self._wanted[reference]]
        self._wanted.update(wanted)
        found = [(reference, await self._fetch(config_key(reference))) for reference in fresh]
        return [_manifest(reference, stored) for reference, stored in found if stored is not None]

    def _release(self, unwanted: set[Reference]) -> list[Change]:
        self._wanted.subtract(unwanted)
        gone = [reference for reference in sorted(unwanted) if self._wanted[reference] <= 0]
        for reference in gone:
            del self._wanted[reference]
        return [_manifest(reference, None) for reference in gone]


def _manifest(reference: Reference, stored: Stored | None) -> Change:
    kind, namespace, name = reference
    if stored is None:
        return Change(Manifest(kind, namespace, name), True)
    return Change(Manifest(kind, namespace, name, stored.encoded))
