"""Pods: defaults, what admission adds, rules, graceful deletion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.api.errors import field_forbidden, invalid
from controlplane.api.strategies.pod_defaults import default_pod, qos_class
from controlplane.api.strategies.pod_validation import (
    IMMUTABLE_SPEC,
    validate_pod_change,
    validate_pod_spec,
)
from controlplane.api.strategies.service_account_token import mount_token
from controlplane.api.strategies.tree import child, children, grow, set_default
from controlplane.api.strategy import BaseStrategy, Grace

if TYPE_CHECKING:
    from controlplane.api.errors import FieldError
    from controlplane.api.strategies.tree import Object
    from controlplane.api.strategy import Context, DeleteOptions

NODE_PROBLEMS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
FINISHED_PHASES = ("Succeeded", "Failed")


class PodStrategy(BaseStrategy):
    """The rules of core/v1 Pods."""

    def default(self, obj: Object) -> None:
        """Fills in the spec."""
        default_pod(obj)

    async def prepare_create(self, obj: Object, ctx: Context) -> None:
        """Initial status; the service account, priority and tolerations that admission adds."""
        spec = grow(obj, "spec")
        obj["status"] = {"phase": "Pending", "qosClass": qos_class(spec)}
        set_default(spec, "serviceAccountName", "default")
        spec["serviceAccount"] = spec["serviceAccountName"]
        set_default(spec, "preemptionPolicy", "PreemptLowerPriority")
        if spec.get("priority") is None:
            spec["priority"] = 0
        _tolerate_node_problems(spec, ctx.settings.default_toleration_s)
        await mount_token(obj, ctx.reader)

    async def prepare_update(self, obj: Object, old: Object, ctx: Context) -> None:
        """A binding has its own way in; nobody else may choose the QoS class."""
        spec, before = child(obj, "spec"), child(old, "spec")
        if is_binding(spec, before) and spec != before and ctx.subresource != "binding":
            name = str(child(obj, "metadata").get("name", ""))
            raise invalid("Pod", name, [field_forbidden("spec", IMMUTABLE_SPEC)])
        quality = child(old, "status").get("qosClass")
        if quality:
            grow(obj, "status")["qosClass"] = quality

    def validate(self, obj: Object, old: Object | None) -> list[FieldError]:
        """The rules of core/v1 Pods; a stored spec is checked only when it changes."""
        spec = child(obj, "spec")
        if old is None:
            return validate_pod_spec(spec, "spec")
        before = child(old, "spec")
        if spec == before or is_binding(spec, before):
            return []
        return validate_pod_spec(spec, "spec") or validate_pod_change(spec, before)

    def graceful_delete(self, obj: Object, options: DeleteOptions) -> Grace:
        """The spec's grace period; none for a pod that no node runs or that has finished."""
        spec = child(obj, "spec")
        grace = options.grace_period_s
        if grace is None:
            grace = spec.get("terminationGracePeriodSeconds", 30)
        unscheduled = not spec.get("nodeName")
        finished = child(obj, "status").get("phase") in FINISHED_PHASES
        return Grace(0 if unscheduled or finished else grace)


def is_binding(spec: Object, old: Object) -> bool:
    """Whether all that changed is that the pod got its node."""
    return not old.get("nodeName") and spec == {**old, "nodeName": spec.get("nodeName")}


def _tolerate_node_problems(spec: Object, seconds: int) -> None:
    """What the DefaultTolerationSeconds admission plugin adds."""
    tolerations = children(spec, "tolerations")
    for key in NODE_PROBLEMS:
        known = any(
            t.get("key", "") in (key, "") and t.get("effect", "") in ("NoExecute", "")
            for t in tolerations
        )
        if not known:
            toleration = {
                "key": key,
                "operator": "Exists",
                "effect": "NoExecute",
                "tolerationSeconds": seconds,
            }
            spec.setdefault("tolerations", []).append(toleration)
