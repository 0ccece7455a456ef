"""The tables of Services, endpoints and what routes to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api.tables.column import (
    NONE,
    UNSET,
    Cell,
    Object,
    Printer,
    age,
    columns,
    first_of,
    items,
    labels,
    name,
    section,
    selector,
)
from netcore.model.address import authority

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


def _service(obj: Object, now: datetime) -> list[Cell]:
    spec = section(obj, "spec")
    addresses = items(spec, "clusterIPs") or [spec.get("clusterIP")]
    ports = ",".join(map(_service_port, items(spec, "ports")))
    return [
        name(obj),
        str(spec.get("type", "")),
        addresses[0] or NONE,
        _external(obj),
        ports or NONE,
        age(obj, now),
        labels(spec.get("selector")),
    ]


def _service_port(port: Mapping[str, Any]) -> str:
    node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port.get('port')}{node_port}/{port.get('protocol', 'TCP')}"


def _external(obj: Object) -> str:
    spec = section(obj, "spec")
    if spec.get("type") == "ExternalName":
        return str(spec.get("externalName") or NONE)
    chosen = items(spec, "externalIPs")
    if spec.get("type") != "LoadBalancer":
        return ",".join(chosen) or NONE
    return ",".join([*_ingress_addresses(obj), *chosen]) or "<pending>"


def _ingress_addresses(obj: Object) -> list[str]:
    found = items(obj, "status", "loadBalancer", "ingress")
    return [str(entry.get("ip") or entry.get("hostname") or "") for entry in found]


def _endpoints(obj: Object, now: datetime) -> list[Cell]:
    found: list[str] = []
    for subset in items(obj, "subsets"):
        addresses = [str(address.get("ip")) for address in items(subset, "addresses")]
        ports = items(subset, "ports")
        found += [authority(ip, port.get("port")) for port in ports for ip in addresses]
        found += [] if ports else addresses
    return [name(obj), first_of(found, NONE), age(obj, now)]


def _endpoint_slice(obj: Object, now: datetime) -> list[Cell]:
    addresses = [ip for endpoint in items(obj, "endpoints") for ip in items(endpoint, "addresses")]
    ports = [str(port.get("port") or "*") for port in items(obj, "ports")]
    return [
        name(obj),
        str(obj.get("addressType", "")),
        first_of(ports, UNSET),
        first_of(addresses, UNSET),
        age(obj, now),
    ]


def _ingress(obj: Object, now: datetime) -> list[Cell]:
    spec = section(obj, "spec")
    hosts = [str(rule["host"]) for rule in items(spec, "rules") if rule.get("host")]
    return [
        name(obj),
        spec.get("ingressClassName") or NONE,
        first_of(hosts, "*"),
        ",".join(_ingress_addresses(obj)),
        "80, 443" if items(spec, "tls") else "80",
        age(obj, now),
    ]


def _ingress_class(obj: Object, now: datetime) -> list[Cell]:
    spec = section(obj, "spec")
    found = section(spec, "parameters")
    group = f".{found['apiGroup']}" if found.get("apiGroup") else ""
    parameters = f"{found.get('kind')}{group}/{found.get('name')}" if found else NONE
    return [name(obj), str(spec.get("controller", "")), parameters, age(obj, now)]


def _network_policy(obj: Object, now: datetime) -> list[Cell]:
    return [name(obj), selector(section(obj, "spec").get("podSelector")), age(obj, now)]


def _admin_network_policy(obj: Object, now: datetime) -> list[Cell]:
    return [name(obj), str(section(obj, "spec").get("priority", "")), age(obj, now)]


def _baseline_policy(obj: Object, now: datetime) -> list[Cell]:
    return [name(obj), age(obj, now)]


def _ip_address(obj: Object, now: datetime) -> list[Cell]:
    parent = section(obj, "spec", "parentRef")
    place = [parent.get(field) for field in ("resource", "namespace", "name")]
    group = parent.get("group")
    shown = "/".join(str(part) for part in place if part)
    return [name(obj), f"{group}/{shown}" if group else shown]


def _service_cidr(obj: Object, now: datetime) -> list[Cell]:
    return [name(obj), ",".join(map(str, items(obj, "spec", "cidrs"))), age(obj, now)]


SERVICE = Printer(
    columns("Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Age", wide=("Selector",)),
    _service,
)
ENDPOINTS = Printer(columns("Name", "Endpoints", "Age"), _endpoints)
ENDPOINT_SLICE = Printer(
    columns("Name", "AddressType", "Ports", "Endpoints", "Age"), _endpoint_slice
)
INGRESS = Printer(columns("Name", "Class", "Hosts", "Address", "Ports", "Age"), _ingress)
INGRESS_CLASS = Printer(columns("Name", "Controller", "Parameters", "Age"), _ingress_class)
ADMIN_NETWORK_POLICY = Printer(columns("Name", "Priority", "Age"), _admin_network_policy)
BASELINE_POLICY = Printer(columns("Name", "Age"), _baseline_policy)
NETWORK_POLICY = Printer(columns("Name", "Pod-Selector", "Age"), _network_policy)
IP_ADDRESS = Printer(columns("Name", "ParentRef"), _ip_address)
SERVICE_CIDR = Printer(columns("Name", "CIDRs", "Age"), _service_cidr)
