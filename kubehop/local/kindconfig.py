"""kind's `Cluster` file (kind.x-k8s.io/v1alpha4), read strictly. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kubehop.local.spec import (
    CONTROL_PLANE_LABEL,
    DEFAULT_SUBNETS,
    MAX_NODES,
    ClusterSpec,
    NodeSpec,
    check,
    is_of_family,
    node_name,
)
from kubehop.local.strictyaml import Field, Mapping, StrictYaml
from netcore.model.errors import ConfigError
from netcore.service.modes.registry import PROXY_MODES

API_VERSION = "kind.x-k8s.io/v1alpha4"

_PATCHES = ("kubeadmConfigPatches", "kubeadmConfigPatchesJSON6902")
_CLUSTER_FIELDS = (
    *("kind", "apiVersion", "name", "nodes", "networking", "featureGates", "runtimeConfig"),
    *("containerdConfigPatches", "containerdConfigPatchesJSON6902"),
    *_PATCHES,
)
_NODE_FIELDS = ("role", "image", "labels", "extraMounts", "extraPortMappings", *_PATCHES)
_NETWORKING_FIELDS = (
    *("ipFamily", "apiServerPort", "apiServerAddress", "podSubnet", "serviceSubnet"),
    *("disableDefaultCNI", "kubeProxyMode", "dnsSearch"),
)
_SUPPORTED = {
    *("kind", "apiVersion", "name", "nodes", "networking", "role", "labels", "ipFamily"),
    *("apiServerPort", "apiServerAddress", "podSubnet", "serviceSubnet", "kubeProxyMode"),
}
_REMEDIES = {
    "extraPortMappings": "reach node ports with: kubehop outside -- COMMAND, from this machine "
    "with: kubectl port-forward",
}
_ROLES = ("control-plane", "worker")
_SUBNETS = {"podSubnet": "pod_cidr", "serviceSubnet": "service_cidr"}
_CONTROL_PLANE_TAINT = f"{CONTROL_PLANE_LABEL}=:NoSchedule"


@dataclass(frozen=True, slots=True)
class KindConfig:
    """The cluster that the file asks for, and what of it kubehop does not do."""

    spec: ClusterSpec
    warnings: tuple[str, ...]


def parse_kind_config(text: str, source: str, default_name: str, name: str | None) -> KindConfig:
    """The cluster of a kind config; `name` wins over the file's, that over `default_name`.

    Raises ConfigError naming `source`, the line and the field for whatever kind refuses too.
    """
    return _Reader(source).read(text, default_name, name)


class _Reader:
    def __init__(self, source: str) -> None:
        self._yaml = StrictYaml(source)
        self._warnings: list[str] = []

    def read(self, text: str, default_name: str, name: str | None) -> KindConfig:
        root = self._yaml.parse(text)
        cluster = self._mapping(root, "v1alpha4.Cluster", _CLUSTER_FIELDS)
        self._expect(cluster, root, "kind", "Cluster")
        self._expect(cluster, root, "apiVersion", API_VERSION)
        chosen = name or self._text(cluster, "name", default_name)
        spec = ClusterSpec(
            name=chosen,
            nodes=self._nodes(chosen, cluster.get("nodes")),
            **self._networking(cluster.get("networking")),
        )
        try:
            check(spec)
        except ConfigError as error:
            raise self._yaml.error(cluster.get("networking") or root, str(error)) from None
        return KindConfig(spec, tuple(self._warnings))

    def _expect(self, cluster: Mapping, root: Field, field: str, wanted: str) -> None:
        if (found := self._text(cluster, field, "")) != wanted:
            where = cluster.get(field) or root
            raise self._yaml.error(where, f'{field} is "{found}": only "{wanted}" is known')

    def _nodes(self, cluster: str, field: Field | None) -> tuple[NodeSpec, ...]:
        entries = self._yaml.sequence(field) if field else []
        wanted = [self._node(entry) for entry in entries] or [("control-plane", ())]
        if len(wanted) > MAX_NODES:
            raise self._yaml.error(field, f"{len(wanted)} nodes: at most {MAX_NODES} are possible")
        roles = [role for role, _ in wanted]
        if field and "control-plane" not in roles:
            raise self._yaml.error(field, "must have at least one node with role control-plane")
        if roles.count("control-plane") > 1:
            self._warnings.append(
                "several control-plane nodes: one control plane serves them all, outside the nodes"
            )
        seen = {role: 0 for role in _ROLES}
        nodes = []
        for role, labels in wanted:
            nodes.append(_node_spec(node_name(cluster, role, seen[role]), role, labels, roles))
            seen[role] += 1
        return tuple(nodes)

    def _node(self, entry: Field) -> tuple[str, tuple[tuple[str, str], ...]]:
        node = self._mapping(entry, "v1alpha4.Node", _NODE_FIELDS)
        role = self._text(node, "role", "control-plane")
        if role not in _ROLES:
            raise self._yaml.error(node["role"], f'"{role}" is not a node role: use {_either()}')
        labels = node.get("labels")
        pairs = self._yaml.mapping(labels).items() if labels else ()
        return role, tuple((key, self._yaml.text(value)) for key, value in pairs)

    def _networking(self, field: Field | None) -> dict[str, Any]:
        if field is None:
            return {}
        found = self._mapping(field, "v1alpha4.Networking", _NETWORKING_FIELDS)
        made = self._subnets(found)
        if mode := self._proxy_mode(found):
            made["proxy_mode"] = mode
        if text := self._text(found, "apiServerAddress", ""):
            made["api_address"] = text
        if port := found.get("apiServerPort"):
            made["api_port"] = max(self._yaml.integer(port), 0)  # kind: -1 is any free port
        return made

    def _subnets(self, networking: Mapping) -> dict[str, Any]:
        """The ranges as given, or else those that kind has for the IP family."""
        family = self._text(networking, "ipFamily", "ipv4")
        if family not in DEFAULT_SUBNETS:
            known = ", ".join(DEFAULT_SUBNETS)
            raise self._yaml.error(
                networking["ipFamily"], f'"{family}" is not an IP family: there is {known}'
            )
        made = {}
        for name, default in zip(_SUBNETS, DEFAULT_SUBNETS[family], strict=True):
            text = made[_SUBNETS[name]] = self._text(networking, name, default)
            if not is_of_family(text, family):
                wanted = "an IPv4 and an IPv6 range" if family == "dual" else "one of it"
                message = f'{name} "{text}" is not of ipFamily {family}: it needs {wanted}'
                raise self._yaml.error(networking[name], message)
        return made

    def _proxy_mode(self, networking: Mapping) -> str:
        """Empty: kubehop's own default. kind's own values, and `ebpf`."""
        mode = self._text(networking, "kubeProxyMode", "")
        if mode and mode not in PROXY_MODES:
            known = ", ".join(PROXY_MODES)
            raise self._yaml.error(
                networking["kubeProxyMode"], f'"{mode}" is not a proxy mode: there is {known}'
            )
        return mode

    def _mapping(self, field: Field, kind: str, known: tuple[str, ...]) -> Mapping:
        fields = self._yaml.mapping(field)
        for name, value in fields.items():
            if name not in known:
                raise self._yaml.error(value, f"field {name} not found in type {kind}")
            if name not in _SUPPORTED:
                self._warn(name, value)
        return fields

    def _warn(self, name: str, field: Field) -> None:
        warning = f"{self._yaml.place(field)}: {name} is not supported and has no effect"
        remedy = f"; {_REMEDIES[name]}" if name in _REMEDIES else ""
        self._warnings.append(warning + remedy)

    def _text(self, fields: Mapping, name: str, default: str) -> str:
        found = fields.get(name)
        return self._yaml.text(found) if found is not None else default


def _node_spec(
    name: str, role: str, labels: tuple[tuple[str, str], ...], roles: list[str]
) -> NodeSpec:
    if role == "worker":
        return NodeSpec(name, labels)
    taints = (_CONTROL_PLANE_TAINT,) if "worker" in roles else ()
    return NodeSpec(name, ((CONTROL_PLANE_LABEL, ""), *labels), taints)


def _either() -> str:
    return " or ".join(_ROLES)
