"""Nodes out of their manifests."""

import json
from typing import Any

from netcore.manifest.addresses import addresses, networks
from netcore.model.address import IpAddress, parse_mac
from netcore.model.errors import ConfigError
from netcore.model.node import Node

Object = dict[str, Any]
PUBLIC_IP = "flannel.alpha.coreos.com/public-ip"
BACKEND_TYPE = "flannel.alpha.coreos.com/backend-type"
BACKEND_DATA = "flannel.alpha.coreos.com/backend-data"


def _conditions(obj: Object) -> dict[str, str]:
    entries = (obj.get("status") or {}).get("conditions") or ()
    return {str(entry.get("type")): str(entry.get("status")) for entry in entries}


def underlayaddresses(node: Object) -> tuple[IpAddress, ...]:
    """Where the node is, the address of its VTEP first: the InternalIPs, but flannel's public-ip
    in place of those of its family.
    """
    public = (node["metadata"].get("annotations") or {}).get(PUBLIC_IP)
    entries = (node.get("status") or {}).get("addresses") or ()
    internal = addresses(e.get("address") for e in entries if e.get("type") == "InternalIP")
    vtep = addresses([public] if public else ())
    others = [a for a in internal if a.version not in {each.version for each in vtep}]
    return (*vtep, *others)


def vtep_mac(node: Object) -> bytes:
    """The VTEP's MAC out of flannel's backend-data annotation, empty when there is none."""
    text = (node["metadata"].get("annotations") or {}).get(BACKEND_DATA)
    try:
        data = json.loads(text or "{}")
        return parse_mac(str(data["VtepMAC"]))
    except (ValueError, KeyError, TypeError, ConfigError):
        return b""


def node_state(node: Object) -> Node:
    """A Node, with or without an agent of ours behind it."""
    return Node(
        name=node["metadata"]["name"],
        underlay_addresses=underlayaddresses(node),
        pod_cidrs=networks((node.get("spec") or {}).get("podCIDRs") or ()),
        vtep_mac=vtep_mac(node),
        ready=_conditions(node).get("Ready") == "True",
        labels=dict(node["metadata"].get("labels") or {}),
    )
