"""Namespaces, Nodes and Events: small rules each."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING

from controlplane.api.errors import FieldError, invalid, invalid_value, not_supported, required
from controlplane.api.metadata import timestamp
from controlplane.api.strategies.names import qualified_name
from controlplane.api.strategies.node_network import (
    pod_cidrs,
    public_ip,
    validate_node_network,
)
from controlplane.api.strategies.tree import child, children, grow, set_default, texts
from controlplane.api.strategy import BaseStrategy
from netcore.model.node import PROXY_MODE_LABEL
from netcore.service.modes.registry import PROXY_MODES

if TYPE_CHECKING:
    from controlplane.api.strategies.tree import Object
    from controlplane.api.strategy import Context

NAME_LABEL = "kubernetes.io/metadata.name"
_EFFECTS = ["NoSchedule", "PreferNoSchedule", "NoExecute"]


class NamespaceStrategy(BaseStrategy):
    """A Namespace has its name as a label, a finalizer of its own and a phase."""

    def default(self, obj: Object) -> None:
        """Sets the label that policies select by; nobody can take it away."""
        name = obj["metadata"].get("name")
        if name:
            grow(obj, "metadata", "labels")[NAME_LABEL] = name

    async def prepare_create(self, obj: Object, ctx: Context) -> None:
        """Active, and held by the finalizer until it has been emptied."""
        spec = grow(obj, "spec")
        spec["finalizers"] = [*{"kubernetes": None, **dict.fromkeys(texts(spec, "finalizers"))}]
        obj["status"] = {"phase": "Active"}

    def validate(self, obj: Object, old: Object | None) -> list[FieldError]:
        """A finalizer that has no name could never be taken away."""
        found = texts(child(obj, "spec"), "finalizers")
        return [
            invalid_value(f"spec.finalizers[{index}]", name, text)
            for index, name in enumerate(found)
            for text in qualified_name(name)
        ]

    async def prepare_update(self, obj: Object, old: Object, ctx: Context) -> None:
        """Finalizers of the spec change through /finalize only, the phase with the deletion."""
        if ctx.subresource != "finalize":
            obj["spec"] = child(old, "spec")
        deleted = obj["metadata"].get("deletionTimestamp")
        grow(obj, "status")["phase"] = "Terminating" if deleted else "Active"


class NodeStrategy(BaseStrategy):
    """A Node's pod CIDR is its own and stays what it is; taints are well-formed.

    Writes run one after another, so that two Nodes never get the same CIDR.
    """

    serialize_writes = True

    def default(self, obj: Object) -> None:
        """Makes podCIDR and podCIDRs agree."""
        spec = grow(obj, "spec")
        if spec.get("podCIDR") and not spec.get("podCIDRs"):
            spec["podCIDRs"] = [spec["podCIDR"]]
        elif spec.get("podCIDRs") and not spec.get("podCIDR"):
            spec["podCIDR"] = spec["podCIDRs"][0]

    async def prepare_create(self, obj: Object, ctx: Context) -> None:
        """A status of its own only comes with the node's agent, or through /status."""
        grow(obj, "status")
        ctx.warnings.extend(_proxy_mode_warnings(obj))
        await self._check_network(obj, ctx)

    async def prepare_update(self, obj: Object, old: Object, ctx: Context) -> None:
        """What the Node newly claims of the network must be free."""
        ctx.warnings.extend(_proxy_mode_warnings(obj))
        if pod_cidrs(obj) != pod_cidrs(old) or public_ip(obj) != public_ip(old):
            await self._check_network(obj, ctx)

    async def _check_network(self, obj: Object, ctx: Context) -> None:
        name = str(child(obj, "metadata").get("name", ""))
        nodes, _ = await ctx.reader.list("nodes")
        others = [node for node in nodes if node["metadata"]["name"] != name]
        errors = validate_node_network(obj, others, ctx.settings.pod_cidrs)
        if errors:
            raise invalid("Node", name, errors)

    def validate(self, obj: Object, old: Object | None) -> list[FieldError]:
        """CIDRs are CIDRs, never change, and taints have a key and a known effect."""
        spec = child(obj, "spec")
        errors = []
        for index, cidr in enumerate(texts(spec, "podCIDRs")):
            if not _is_cidr(cidr):
                detail = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
                errors.append(invalid_value(f"spec.podCIDRs[{index}]", cidr, detail))
        errors += _validate_taints(spec)
        before = texts(child(old or {}, "spec"), "podCIDRs")
        if before and before != texts(spec, "podCIDRs"):
            detail = 'node updates may not change podCIDR except from "" to valid'
            errors.append(
                FieldError("spec.podCIDRs", f"Forbidden: {detail}", "FieldValueForbidden")
            )
        return errors


def _proxy_mode_warnings(node: Object) -> list[str]:
    mode = child(node, "metadata", "labels").get(PROXY_MODE_LABEL)
    if mode is None or mode in PROXY_MODES:
        return []
    known = ", ".join(PROXY_MODES)
    return [
        f'label {PROXY_MODE_LABEL}: "{mode}" is no proxy mode ({known}); the cluster\'s is used'
    ]


def _is_cidr(text: str) -> bool:
    try:
        ip_network(text)
    except ValueError:
        return False
    return True


def _validate_taints(spec: Object) -> list[FieldError]:
    errors = []
    for index, taint in enumerate(children(spec, "taints")):
        path = f"spec.taints[{index}]"
        key = str(taint.get("key") or "")
        errors += [invalid_value(f"{path}.key", key, text) for text in qualified_name(key)]
        if taint.get("effect") not in _EFFECTS:
            errors.append(not_supported(f"{path}.effect", taint.get("effect"), _EFFECTS))
    return errors


class EventStrategy(BaseStrategy):
    """Events, written in the words of core/v1 or of events.k8s.io/v1, are about one object."""

    def default(self, obj: Object) -> None:
        """An event of one kind of client is readable as the other's."""
        for core, grouped in (("involvedObject", "regarding"), ("message", "note")):
            if core not in obj and grouped in obj:
                obj[core] = obj.pop(grouped)
        set_default(obj, "type", "Normal")
        involved = grow(obj, "involvedObject")
        set_default(involved, "namespace", child(obj, "metadata").get("namespace", "default"))

    async def prepare_create(self, obj: Object, ctx: Context) -> None:
        """When it happened, if the client did not say."""
        if not obj.get("eventTime"):
            for field in ("firstTimestamp", "lastTimestamp"):
                set_default(obj, field, timestamp(ctx.now()))

    def validate(self, obj: Object, old: Object | None) -> list[FieldError]:
        """The object that it is about is in the event's own namespace."""
        namespace = child(obj, "metadata").get("namespace")
        about = child(obj, "involvedObject").get("namespace") or "default"
        if not child(obj, "involvedObject").get("namespace"):
            return [required("involvedObject.namespace")]
        if about != namespace:
            detail = "does not match event.namespace"
            return [invalid_value("involvedObject.namespace", about, detail)]
        return []
