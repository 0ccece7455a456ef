"""Pods of StatefulSets made, repaired and deleted, their claims with them, and told in events.

Source: Kubernetes pkg/controller/statefulset/stateful_pod_control.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api.errors import StatusError
from controlplane.controllers.informer import key_of
from controlplane.controllers.pod_control import is_namespace_ending
from controlplane.controllers.stateful_pods import (
    claim_names,
    claim_owner,
    identity_labels,
    new_claims,
    new_pod,
    ordinal_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from controlplane.api.client import Client
    from controlplane.controllers.pod_control import PodControl

Object = dict[str, Any]
CLAIMS = "persistentvolumeclaims"


class StatefulPodControl:
    """What the StatefulSet controller does to pods and claims. All calls raise StatusError."""

    def __init__(self, client: Client, control: PodControl) -> None:
        self._client = client
        self._control = control

    async def create(self, stateful_set: Object, revision: Object, ordinal: int) -> None:
        """The claims of that ordinal, then its pod."""
        pod = new_pod(stateful_set, revision, ordinal)
        name = pod["metadata"]["name"]
        for claim in new_claims(stateful_set, ordinal):
            await self._create_claim(stateful_set, name, claim)
        try:
            await self._client.create("pods", pod)
        except StatusError as error:
            if error.reason != "AlreadyExists" and not is_namespace_ending(error):
                self._failed(stateful_set, "create", name, error)
            raise
        self._succeeded(stateful_set, "create", name)

    async def _create_claim(self, stateful_set: Object, pod_name: str, claim: Object) -> None:
        name, namespace = claim["metadata"]["name"], claim["metadata"]["namespace"]
        try:
            await self._client.get(CLAIMS, name, namespace)
            return
        except StatusError as error:
            if error.reason != "NotFound":
                raise
        owner = claim_owner(stateful_set, None, condemned=False)
        if owner is not None:
            claim["metadata"]["ownerReferences"] = [owner]
        about = f"{name} Pod {pod_name} in StatefulSet {stateful_set['metadata']['name']}"
        try:
            await self._client.create(CLAIMS, claim)
        except StatusError as error:
            message = f"create Claim {about} failed error: {error.message}"
            self._control.say(stateful_set, "Warning", "FailedCreate", message)
            raise
        message = f"create Claim {about} success"
        self._control.say(stateful_set, "Normal", "SuccessfulCreate", message)

    async def delete(self, stateful_set: Object, pod: Object) -> None:
        """A pod that has gone already is fine."""
        namespace, name = key_of(pod)
        try:
            await self._client.delete("pods", name, namespace, uid=pod["metadata"]["uid"])
        except StatusError as error:
            if error.reason == "NotFound":
                return
            self._failed(stateful_set, "delete", name, error)
            raise
        self._succeeded(stateful_set, "delete", name)

    async def repair(self, stateful_set: Object, pod: Object) -> None:
        """Gives the pod the labels of its identity back."""
        ordinal = ordinal_of(stateful_set, pod)
        assert ordinal is not None, "only numbered pods are repaired"
        namespace, name = key_of(pod)

        def label(current: Object) -> None:
            current["metadata"].setdefault("labels", {}).update(identity_labels(name, ordinal))

        try:
            await self._client.patch("pods", name, label, namespace)
        except StatusError as error:
            if error.reason == "NotFound":
                return
            self._failed(stateful_set, "update", name, error)
            raise
        self._succeeded(stateful_set, "update", name)

    async def keep_claims(
        self, stateful_set: Object, pods: Iterable[Object], *, condemned: bool
    ) -> None:
        """Makes the pods' claims go with whom the retention policy says."""
        for pod in pods:
            ordinal = ordinal_of(stateful_set, pod)
            if ordinal is None:
                continue
            owner = claim_owner(stateful_set, pod, condemned=condemned)
            for name in claim_names(stateful_set, ordinal).values():
                await self._set_owner(stateful_set["metadata"]["namespace"], name, owner)

    async def _set_owner(self, namespace: str, name: str, owner: Object | None) -> None:
        def change(claim: Object) -> None:
            about = claim["metadata"]
            others = [o for o in about.get("ownerReferences") or () if not _is_ours(o)]
            about["ownerReferences"] = [*others, owner] if owner else others

        try:
            await self._client.patch(CLAIMS, name, change, namespace)
        except StatusError as error:
            if error.reason != "NotFound":
                raise

    def _succeeded(self, stateful_set: Object, verb: str, pod_name: str) -> None:
        set_name = stateful_set["metadata"]["name"]
        message = f"{verb} Pod {pod_name} in StatefulSet {set_name} successful"
        self._control.say(stateful_set, "Normal", f"Successful{verb.capitalize()}", message)

    def _failed(self, stateful_set: Object, verb: str, pod_name: str, error: StatusError) -> None:
        set_name = stateful_set["metadata"]["name"]
        message = f"{verb} Pod {pod_name} in StatefulSet {set_name} failed error: {error.message}"
        self._control.say(stateful_set, "Warning", f"Failed{verb.capitalize()}", message)


def _is_ours(owner: Object) -> bool:
    return owner.get("kind") in ("StatefulSet", "Pod")
