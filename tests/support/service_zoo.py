"""Services of every kind on top of tests.support.cluster, for what has to cope with all of them."""

from typing import Any

from netcore.model.address import parse_address, parse_network
from netcore.model.change import NetworkObject
from netcore.model.service import Service, ServicePort
from tests.support.cluster import WEB_PODS, service, slice_of

KINDS: dict[str, dict[str, Any]] = {
    "cluster-ip": {},
    "sticky": {"session_affinity": "ClientIP", "session_affinity_timeout_s": 600},
    "inner-local": {"internal_traffic_policy": "Local"},
    "node-port": {"type": "NodePort"},
    "node-port-local": {"type": "NodePort", "external_traffic_policy": "Local"},
    "balancer": {
        "type": "LoadBalancer",
        "load_balancer_ips": (parse_address("172.18.255.200"), parse_address("fd00:172:18:ff::1")),
        "load_balancer_source_ranges": (
            parse_network("192.0.2.0/24"),
            parse_network("2001:db8::/64"),
        ),
    },
    "balancer-local": {
        "type": "LoadBalancer",
        "external_traffic_policy": "Local",
        "session_affinity": "ClientIP",
        "load_balancer_ips": (parse_address("172.18.255.201"),),
    },
    "external-ip": {
        "external_ips": (parse_address("198.51.100.7"), parse_address("2001:db8:7::7"))
    },
}
"""Service fields by what they show; each exists with endpoints, on this node only elsewhere, and
with none at all.
"""


def zoo() -> tuple[NetworkObject, ...]:
    """Each kind three times: with endpoints everywhere, with none on node1, with none."""
    objects: list[NetworkObject] = []
    for number, (name, fields) in enumerate(KINDS.items()):
        for offset, pods in enumerate((WEB_PODS, WEB_PODS[1:], ())):
            host = 100 + number * 3 + offset
            full_name = f"{name}-{('all', 'far', 'none')[offset]}"
            objects.append(_service(full_name, host, fields, offset))
            objects += (slice_of(full_name, version, pods) for version in (4, 6))
    return tuple(objects)


def _service(name: str, host: int, fields: dict[str, Any], offset: int) -> Service:
    ports = (ServicePort("http", "TCP", 80), ServicePort("dns", "UDP", 53))
    if fields.get("type") in ("NodePort", "LoadBalancer"):
        ports = tuple(
            ServicePort(port.name, port.protocol, port.port, 30_000 + host * 2 + at)
            for at, port in enumerate(ports)
        )
    apart = {key: _apart(value, offset) for key, value in fields.items()}
    return service(name, host, **(apart | {"ports": ports}))


def _apart(value: Any, offset: int) -> Any:
    """No two Services have the same outer address."""
    if isinstance(value, tuple) and hasattr(value[0], "packed"):
        return tuple(address + offset * 16 for address in value)
    return value
