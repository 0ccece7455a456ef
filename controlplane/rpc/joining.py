"""What a Register call asks for, checked; which Node it becomes. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from controlplane.api.metadata import is_dns_subdomain, validate_labels
from controlplane.api.strategies.node_network import INSTANCE_ANNOTATION
from controlplane.rpc.agents import ADDRESS_ANNOTATION
from netcore.manifest.nodes import BACKEND_DATA, BACKEND_TYPE, PUBLIC_IP
from netcore.model.address import authority, format_mac, parse_address, parse_mac
from netcore.model.config import VNI
from netcore.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

Object = dict[str, Any]
KUBELET_VERSION = "v1.33.0"
_TAINT = re.compile(r"([^=:]+)(?:=([^:]*))?:(NoSchedule|PreferNoSchedule|NoExecute)")
_MAX_PODS = 110
CAPABILITIES = "kubehop.dev/capabilities"


@dataclass(frozen=True, slots=True)
class Applicant:
    """Who wants to join, with every field checked. `addresses` are in canonical form, of the
    cluster's families, the primary one, where a node's tunnel is, first.
    """

    name: str
    instance_id: str
    addresses: tuple[str, ...]
    rpc_port: int = 0
    vtep_mac: bytes = b""
    labels: dict[str, str] = field(default_factory=dict)
    taints: tuple[Object, ...] = ()
    capabilities: tuple[str, ...] = ()
    node_info: dict[str, str] = field(default_factory=dict)
    cpu_count: int = 0
    memory_bytes: int = 0


def check_name(name: str) -> str:
    """The name, or '' for none. Raises ConfigError when it cannot be an object's name."""
    if name and not is_dns_subdomain(name):
        raise ConfigError(
            f"name: {name!r} is not a DNS-1123 name: use lower case letters, digits, '-' and '.', "
            "beginning and ending with a letter or digit, at most 253 characters"
        )
    return name


def check_addresses(texts: Iterable[str]) -> tuple[str, ...]:
    """The underlay addresses, at least one, all usable. Raises ConfigError."""
    addresses = []
    for text in texts:
        try:
            address = parse_address(text)
        except ConfigError as error:
            raise ConfigError(f"underlay_addresses: {error}") from error
        if address.is_unspecified or address.is_multicast or address.is_loopback:
            raise ConfigError(
                f"underlay_addresses: {address} cannot be reached by other nodes: give the "
                "machine's address on the underlay"
            )
        addresses.append(str(address))
    if not addresses:
        raise ConfigError("underlay_addresses: at least one address is required")
    return tuple(addresses)


def of_versions(addresses: Iterable[str], versions: Sequence[int]) -> tuple[str, ...]:
    """The addresses of the cluster's IP versions, in the cluster's order."""
    known: dict[int, str] = {ip_address(text).version: text for text in addresses}
    return tuple(known[version] for version in versions if version in known)


def check_complete(addresses: Sequence[str], versions: Iterable[int]) -> None:
    """Raises ConfigError when a node has no address of one of the cluster's IP versions."""
    for version in versions:
        if version not in {ip_address(text).version for text in addresses}:
            raise ConfigError(
                f"underlay_addresses: none is an IPv{version} address, and the cluster's pods have "
                f"IPv{version}: give the machine one on the underlay, and say it with "
                "--underlay-address IP,IP"
            )


def check_taints(texts: Iterable[str]) -> tuple[Object, ...]:
    """Taints from `key=value:Effect` or `key:Effect`. Raises ConfigError."""
    taints = []
    for text in texts:
        match = _TAINT.fullmatch(text)
        if match is None:
            raise ConfigError(
                f"taints: {text!r} is none: write key=value:Effect with the effect NoSchedule, "
                "PreferNoSchedule or NoExecute"
            )
        key, value, effect = match.groups()
        taints.append({"key": key, "effect": effect, **({"value": value} if value else {})})
    return tuple(taints)


def check_labels(labels: dict[str, str]) -> dict[str, str]:
    """The wanted labels. Raises ConfigError for a key or value that cannot be one."""
    for error in validate_labels(labels, "labels"):
        raise ConfigError(f"{error.path}: {error.message}")
    return labels


def check_vtep_mac(text: str) -> bytes:
    """The VTEP's MAC address, b'' for none. Raises ConfigError."""
    try:
        return parse_mac(text) if text else b""
    except ConfigError as error:
        raise ConfigError(f"vtep_mac: {error}") from error


def instance_of(node: Object) -> str:
    """The instance that registered the node, '' for a node without an agent of ours."""
    return str((node["metadata"].get("annotations") or {}).get(INSTANCE_ANNOTATION, ""))


def addresses_of(node: Object) -> set[str]:
    """The node's InternalIPs."""
    entries = (node.get("status") or {}).get("addresses") or ()
    return {entry["address"] for entry in entries if entry.get("type") == "InternalIP"}


class NameTaken(ConfigError):
    """The wanted name belongs to another live instance."""


def choose_node(
    applicant: Applicant,
    nodes: Iterable[Object],
    cluster_name: str,
    is_alive: Callable[[str], bool],
) -> tuple[str, Object | None]:
    """The name for an applicant and the Node that it takes up, if one is there.

    In this order: the wanted name; the node that this instance had; the node of a dead instance
    at the same address; the first free `<cluster>-worker`, `<cluster>-worker2`, ...
    Raises NameTaken, and ConfigError when the address belongs to another live node.
    """
    by_name = {node["metadata"]["name"]: node for node in nodes}
    found = _present(applicant, by_name, is_alive)
    for name, node in by_name.items():
        shared = addresses_of(node) & set(applicant.addresses)
        foreign = instance_of(node) not in ("", applicant.instance_id)
        if shared and foreign and name != found and is_alive(name):
            raise ConfigError(
                f"underlay_addresses: {min(shared)} is in use by node {name}: every node needs "
                "an underlay address of its own"
            )
    if found:
        return found, by_name.get(found)
    return _first_free(cluster_name, by_name), None


def _present(
    applicant: Applicant, by_name: dict[str, Object], is_alive: Callable[[str], bool]
) -> str:
    if applicant.name:
        node = by_name.get(applicant.name)
        owner = instance_of(node) if node else ""
        if owner not in ("", applicant.instance_id) and is_alive(applicant.name):
            raise NameTaken(
                f"node name {applicant.name} is taken by another live node (instance {owner}): "
                "choose another --node-name, or stop that node first"
            )
        return applicant.name
    for name, node in by_name.items():
        if instance_of(node) == applicant.instance_id:
            return name
    for name, node in by_name.items():
        same_place = addresses_of(node) & set(applicant.addresses)
        if instance_of(node) and same_place and not is_alive(name):
            return name
    return ""


def _first_free(cluster_name: str, taken: Collection[str]) -> str:
    base = f"{cluster_name}-worker"
    number = 1
    while (name := base if number == 1 else f"{base}{number}") in taken:
        number += 1
    return name


def annotations_of(applicant: Applicant) -> dict[str, str]:
    """The Node's annotations: the instance, its agent's address, its VTEP in flannel's words."""
    host = applicant.addresses[0]
    annotations = {
        INSTANCE_ANNOTATION: applicant.instance_id,
        ADDRESS_ANNOTATION: authority(host, applicant.rpc_port),
        BACKEND_TYPE: "vxlan",
        PUBLIC_IP: host,
    }
    if applicant.capabilities:
        annotations[CAPABILITIES] = ",".join(sorted(applicant.capabilities))
    if applicant.vtep_mac:
        data = {"VNI": VNI, "VtepMAC": format_mac(applicant.vtep_mac)}
        annotations[BACKEND_DATA] = json.dumps(data, separators=(",", ":"))
    return annotations


def labels_of(applicant: Applicant, name: str) -> dict[str, str]:
    """The Node's labels: those every node has, and the wanted ones."""
    architecture = applicant.node_info.get("architecture", "amd64")
    standard = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": architecture,
        "beta.kubernetes.io/os": "linux",
        "beta.kubernetes.io/arch": architecture,
    }
    return standard | applicant.labels


def status_of(applicant: Applicant, name: str, before: Object) -> Object:
    """The Node's status with what the agent says of its machine; conditions are kept."""
    addresses = [{"type": "InternalIP", "address": text} for text in applicant.addresses]
    capacity = {
        "cpu": str(max(applicant.cpu_count, 1)),
        "memory": f"{applicant.memory_bytes // 1024}Ki",
        "pods": str(_MAX_PODS),
    }
    return {
        **before,
        "addresses": [*addresses, {"type": "Hostname", "address": name}],
        "capacity": capacity,
        "allocatable": dict(capacity),
        "daemonEndpoints": {"kubeletEndpoint": {"Port": applicant.rpc_port}},
        "nodeInfo": _node_info(applicant),
    }


def _node_info(applicant: Applicant) -> dict[str, str]:
    said = applicant.node_info
    return {
        "machineID": applicant.instance_id,
        "systemUUID": applicant.instance_id,
        "bootID": applicant.instance_id,
        "kernelVersion": said.get("kernel_version", ""),
        "osImage": said.get("os_image", ""),
        "containerRuntimeVersion": f"kubehop://{said.get('agent_version', '')}",
        "kubeletVersion": KUBELET_VERSION,
        "kubeProxyVersion": KUBELET_VERSION,
        "operatingSystem": "linux",
        "architecture": said.get("architecture", "amd64"),
    }


def new_node(applicant: Applicant, name: str, pod_cidrs: list[str]) -> Object:
    """The Node of an applicant that was never here."""
    spec: Object = {"podCIDR": pod_cidrs[0], "podCIDRs": pod_cidrs}
    if applicant.taints:
        spec["taints"] = list(applicant.taints)
    return {
        "metadata": {
            "name": name,
            "labels": labels_of(applicant, name),
            "annotations": annotations_of(applicant),
        },
        "spec": spec,
        "status": status_of(applicant, name, {}),
    }
