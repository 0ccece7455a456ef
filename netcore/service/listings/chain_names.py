"""The names that kube-proxy gives its chains: hashes, since those of Services are too long."""

from base64 import b32encode
from hashlib import sha256

from netcore.service.frontend import Backend
from netcore.service.listings.service_ports import ServicePortRules, address_of


def iptables_chain(kind: str, rules: ServicePortRules) -> str:
    """`KUBE-SVC-NPX46M4PTMTKRN6Y`. Source: pkg/proxy/iptables/proxier.go, portProtoHash."""
    return f"KUBE-{kind}-{_hash(rules.name + rules.protocol)[:16]}"


def iptables_endpoint_chain(rules: ServicePortRules, backend: Backend) -> str:
    """`KUBE-SEP-...`. Source: servicePortEndpointChainName."""
    return f"KUBE-SEP-{_hash(rules.name + rules.protocol + address_of(backend))[:16]}"


def nftables_chain(kind: str, rules: ServicePortRules) -> str:
    """`service-ULMVA6XW-ns1/svc1/tcp/p80`. Source: pkg/proxy/nftables, hashAndTruncate."""
    return f"{kind}-{_hash(rules.path)[:8]}-{rules.path}"


def nftables_endpoint_chain(kind: str, rules: ServicePortRules, backend: Backend) -> str:
    """`endpoint-5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80`; colons become dots in IPv6."""
    address, _, port = address_of(backend).rpartition(":")
    path = f"{rules.path}__{address.strip('[]').replace(':', '.')}/{port}"
    return f"{kind}-{_hash(path)[:8]}-{path}"


def _hash(name: str) -> str:
    return b32encode(sha256(name.encode()).digest()).decode()
