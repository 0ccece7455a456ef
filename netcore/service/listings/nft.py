"""`nft list table ip kube-proxy` as kube-proxy's nftables mode would leave it.

Source: Kubernetes pkg/proxy/nftables/proxier.go (setupNFTables, syncProxyRules).
"""

from collections.abc import Iterator

from netcore.model.address import text
from netcore.service.frontend import Backend, Frontend
from netcore.service.listings.base import Listing, ProxyTables
from netcore.service.listings.chain_names import nftables_chain, nftables_endpoint_chain
from netcore.service.listings.service_ports import (
    ServicePortRules,
    address_of,
    is_node_port,
    service_ports,
)

_BASE_CHAINS = """\
chain filter-prerouting-pre-dnat {
	type filter hook prerouting priority dstnat - 10; policy accept;
	ct state new jump firewall-check
}
chain filter-output-pre-dnat {
	type filter hook output priority -110; policy accept;
	ct state new jump firewall-check
}
chain filter-input {
	type filter hook input priority filter; policy accept;
	ct state new jump nodeport-endpoints-check
	ct state new jump service-endpoints-check
}
chain filter-forward {
	type filter hook forward priority filter; policy accept;
	ct state new jump service-endpoints-check
	ct state new jump cluster-ips-check
}
chain filter-output {
	type filter hook output priority filter; policy accept;
	ct state new jump service-endpoints-check
	ct state new jump cluster-ips-check
}
chain nat-prerouting {
	type nat hook prerouting priority dstnat; policy accept;
	jump services
}
chain nat-output {
	type nat hook output priority -100; policy accept;
	jump services
}
chain nat-postrouting {
	type nat hook postrouting priority srcnat; policy accept;
	jump masquerading
}
chain services {
	FAMILY daddr . meta l4proto . th dport vmap @service-ips
	FAMILY daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports
}
chain firewall-check {
	FAMILY daddr . meta l4proto . th dport vmap @firewall-ips
}
chain service-endpoints-check {
	FAMILY daddr . meta l4proto . th dport vmap @no-endpoint-services
}
chain nodeport-endpoints-check {
	FAMILY daddr @nodeport-ips meta l4proto . th dport vmap @no-endpoint-nodeports
}
chain mark-for-masquerade {
	meta mark set meta mark | 0x00004000
}
chain masquerading {
	meta mark & 0x00004000 == 0x00000000 return
	meta mark set meta mark ^ 0x00004000
	masquerade fully-random
}
chain reject-chain {
	comment "helper for @no-endpoint-services / @no-endpoint-nodeports"
	reject
}
"""
_COMMENTS = {
    "cluster-ips": "Active ClusterIPs",
    "nodeport-ips": "IPs that accept NodePort traffic",
    "service-ips": "ClusterIP, ExternalIP and LoadBalancer IP traffic",
    "service-nodeports": "NodePort traffic",
    "no-endpoint-services": "vmap to drop or reject packets to services with no endpoints",
    "no-endpoint-nodeports": (
        "vmap to drop or reject packets to service nodeports with no endpoints"
    ),
    "firewall-ips": "destinations that are subject to LoadBalancerSourceRanges",
}


def nft_listings(tables: ProxyTables) -> Iterator[Listing]:
    """One table for each family of the cluster, which `nft -f` reads."""
    for version in tables.versions:
        writer = _Writer(tables, version)
        for rules in service_ports(tables.of_version(version)):
            writer.add(rules)
        yield Listing(f"nft list table {writer.family} kube-proxy", writer.text())


class _Writer:
    """One table while it is written."""

    def __init__(self, tables: ProxyTables, version: int) -> None:
        self.family = "ip" if version == 4 else "ip6"
        self._pods = tables.pod_cidr(version)
        self._services = [str(c) for c in tables.service_cidrs if c.version == version]
        self._elements: dict[str, list[str]] = {name: [] for name in _COMMENTS}
        self._elements["nodeport-ips"] = [
            str(address) for address in tables.node_addresses if address.version == version
        ]
        self._affinity: dict[str, int] = {}
        self._chains: dict[str, list[str]] = {}

    def add(self, rules: ServicePortRules) -> None:
        """All chains of a Service's port, and what leads into them."""
        for frontend in rules.frontends:
            self._lead_in(rules, frontend)
            self._refuse(rules, frontend)
            if frontend.source_ranges:
                self._firewall(rules, frontend)
        if rules.external and rules.has_endpoints:
            self._chains[nftables_chain("external", rules)] = list(self._external(rules))
        for kind, pool in rules.pools:
            name = nftables_chain(_KINDS[kind], rules)
            self._chains[name] = list(self._pool(rules, kind, pool))
        for backend in dict.fromkeys(backend for _, pool in rules.pools for backend in pool):
            name = nftables_endpoint_chain("endpoint", rules, backend)
            self._chains[name] = list(self._endpoint(rules, backend))

    def text(self) -> str:
        """The table, as nft prints it."""
        lines = [f"table {self.family} kube-proxy {{", '\tcomment "rules for kube-proxy"', ""]
        for part in (self._sets(), self._affinity_sets(), self._base(), self._own_chains()):
            lines += (f"\t{line}" if line else "" for line in part)
        return "\n".join([*lines, "}"]) + "\n"

    def _lead_in(self, rules: ServicePortRules, frontend: Frontend) -> None:
        if not frontend.is_external:
            address = text(frontend.key[0])
            if address not in self._elements["cluster-ips"]:
                self._elements["cluster-ips"].append(address)
        if frontend.is_external and rules.has_endpoints:
            chain = nftables_chain("external", rules)
        elif frontend.pool(from_inside=True):
            chain = nftables_chain("local" if rules.is_internally_local else "service", rules)
        else:
            return
        where = "service-nodeports" if is_node_port(frontend) else "service-ips"
        self._elements[where].append(_element(rules, frontend, f"goto {chain}"))

    def _refuse(self, rules: ServicePortRules, frontend: Frontend) -> None:
        refusal = rules.refusal(frontend)
        if refusal is not None:
            where = "no-endpoint-nodeports" if is_node_port(frontend) else "no-endpoint-services"
            verdict = "drop" if refusal.drops else "goto reject-chain"
            self._elements[where].append(_element(rules, frontend, verdict))

    def _firewall(self, rules: ServicePortRules, frontend: Frontend) -> None:
        chain = nftables_chain("firewall", rules)
        self._elements["firewall-ips"].append(_element(rules, frontend, f"goto {chain}"))
        version = 4 if self.family == "ip" else 6
        allowed = [str(network) for network in frontend.source_ranges if network.version == version]
        match = f"{self.family} saddr != {_any_of(allowed)} " if allowed else ""
        self._chains[chain] = [f"{match}drop"]

    def _external(self, rules: ServicePortRules) -> Iterator[str]:
        service = nftables_chain("service", rules)
        if not rules.is_externally_local:
            yield "jump mark-for-masquerade"
            yield f"goto {service}"
            return
        if rules.cluster_pool:
            pods = f"{self.family} saddr {self._pods}"
            yield f'{pods} goto {service} comment "short-circuit pod traffic"'
            local = "fib saddr type local"
            yield f'{local} jump mark-for-masquerade comment "masquerade local traffic"'
            yield f'{local} goto {service} comment "short-circuit local traffic"'
        if rules.local_pool:
            yield f"goto {nftables_chain('local', rules)}"

    def _pool(self, rules: ServicePortRules, kind: str, pool: tuple[Backend, ...]) -> Iterator[str]:
        family = self.family
        if rules.is_internally_local == (kind == "SVL"):
            for frontend in rules.internal:
                to = f"{family} daddr {text(frontend.key[0])} {rules.protocol} dport"
                match = f"{to} {frontend.key[2]} {family} saddr != {self._pods}"
                yield f"{match} jump mark-for-masquerade"
        chains = [nftables_endpoint_chain("endpoint", rules, backend) for backend in pool]
        if rules.affinity_s:
            for chain, backend in zip(chains, pool, strict=True):
                known = nftables_endpoint_chain("affinity", rules, backend)
                self._affinity[known] = rules.affinity_s
                yield f"{family} saddr @{known} goto {chain}"
        verdicts = ", ".join(f"{at} : goto {chain}" for at, chain in enumerate(chains))
        yield f"numgen random mod {len(chains)} vmap {{ {verdicts} }}"

    def _endpoint(self, rules: ServicePortRules, backend: Backend) -> Iterator[str]:
        yield f"{self.family} saddr {text(backend.ip)} jump mark-for-masquerade"
        if rules.affinity_s:
            known = nftables_endpoint_chain("affinity", rules, backend)
            yield f"update @{known} {{ {self.family} saddr }}"
        yield f"meta l4proto {rules.protocol} dnat to {address_of(backend)}"

    def _sets(self) -> Iterator[str]:
        address = "ipv4_addr" if self.family == "ip" else "ipv6_addr"
        for name, comment in _COMMENTS.items():
            elements = self._elements[name]
            if name in ("cluster-ips", "nodeport-ips"):
                yield f"set {name} {{"
                yield f"\ttype {address}"
            else:
                yield f"map {name} {{"
                first = "" if name.endswith("nodeports") else f"{address} . "
                yield f"\ttype {first}inet_proto . inet_service : verdict"
            yield f'\tcomment "{comment}"'
            if elements:
                separator = ",\n\t\t\t     "
                yield f"\telements = {{ {separator.join(elements)} }}"
            yield from ("}", "")

    def _affinity_sets(self) -> Iterator[str]:
        address = "ipv4_addr" if self.family == "ip" else "ipv6_addr"
        for name, timeout_s in self._affinity.items():
            yield from (f"set {name} {{", f"\ttype {address}", "\tsize 65535")
            yield from ("\tflags dynamic,timeout", f"\ttimeout {timeout_s}s", "}", "")

    def _base(self) -> Iterator[str]:
        for line in _BASE_CHAINS.replace("FAMILY", self.family).splitlines():
            yield line
            if line == "}":
                yield ""
        yield "chain cluster-ips-check {"
        cluster = f"{self.family} daddr @cluster-ips"
        yield f'\t{cluster} reject comment "Reject traffic to invalid ports of ClusterIPs"'
        unallocated = f"{self.family} daddr {_any_of(self._services)}"
        yield f'\t{unallocated} drop comment "Drop traffic to unallocated ClusterIPs"'
        yield from ("}", "")

    def _own_chains(self) -> Iterator[str]:
        for name, rules in self._chains.items():
            yield f"chain {name} {{"
            yield from (f"\t{rule}" for rule in rules)
            yield from ("}", "")


_KINDS = {"SVC": "service", "SVL": "local"}


def _any_of(networks: list[str]) -> str:
    """A set of one is printed as the one."""
    return networks[0] if len(networks) == 1 else f"{{ {', '.join(networks)} }}"


def _element(rules: ServicePortRules, frontend: Frontend, verdict: str) -> str:
    address, _, port = frontend.key
    place = f"{rules.protocol} . {port}"
    if not is_node_port(frontend):
        place = f"{text(address)} . {place}"
    return f'{place} comment "{rules.name}" : {verdict}'
