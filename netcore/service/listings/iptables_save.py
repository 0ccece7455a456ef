"""`iptables-save` as kube-proxy's iptables mode would leave it.

Source: Kubernetes pkg/proxy/iptables/proxier.go (syncProxyRules). Only kube-proxy's own chains
and the rules that lead into them; the order is the one in which packets meet them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from netcore.model.address import text
from netcore.service.frontend import Backend, Frontend, FrontendKind
from netcore.service.listings.base import Listing, ProxyTables
from netcore.service.listings.chain_names import iptables_chain, iptables_endpoint_chain
from netcore.service.listings.service_ports import (
    ServicePortRules,
    address_of,
    is_node_port,
    service_ports,
)

_MASQUERADE = "KUBE-MARK-MASQ"
_FILTER_HOOKS = ("INPUT", "FORWARD", "OUTPUT")
_NAT_HOOKS = ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING")
_PROBABILITY_ONE = 1 << 31
_NEW = "-m conntrack --ctstate NEW"
_KIND_WORDS = {
    FrontendKind.CLUSTER_IP: " cluster IP",
    FrontendKind.EXTERNAL_IP: " external IP",
    FrontendKind.LOAD_BALANCER: " loadbalancer IP",
    FrontendKind.NODE_PORT: "",
}


def _comment(text: str) -> str:
    return f'-m comment --comment "{text}"'


_PORTALS = _comment("kubernetes service portals")
_OUTER_PORTALS = _comment("kubernetes externally-visible service portals")
_FIREWALL = _comment("kubernetes load balancer firewall")
_LEAD_IN_FILTER = (
    ("INPUT", f"{_NEW} {_FIREWALL}", "KUBE-PROXY-FIREWALL"),
    ("INPUT", _comment("kubernetes health check service ports"), "KUBE-NODEPORTS"),
    ("INPUT", f"{_NEW} {_OUTER_PORTALS}", "KUBE-EXTERNAL-SERVICES"),
    ("FORWARD", f"{_NEW} {_FIREWALL}", "KUBE-PROXY-FIREWALL"),
    ("FORWARD", _comment("kubernetes forwarding rules"), "KUBE-FORWARD"),
    ("FORWARD", f"{_NEW} {_PORTALS}", "KUBE-SERVICES"),
    ("FORWARD", f"{_NEW} {_OUTER_PORTALS}", "KUBE-EXTERNAL-SERVICES"),
    ("OUTPUT", f"{_NEW} {_FIREWALL}", "KUBE-PROXY-FIREWALL"),
    ("OUTPUT", f"{_NEW} {_PORTALS}", "KUBE-SERVICES"),
)
_FORWARD = (
    f"{_comment('kubernetes forwarding rules')} -m mark --mark 0x4000/0x4000",
    f"{_comment('kubernetes forwarding conntrack rule')} "
    "-m conntrack --ctstate RELATED,ESTABLISHED",
)
_LEAD_IN_NAT = (
    ("PREROUTING", _PORTALS, "KUBE-SERVICES"),
    ("OUTPUT", _PORTALS, "KUBE-SERVICES"),
    ("POSTROUTING", _comment("kubernetes postrouting rules"), "KUBE-POSTROUTING"),
)
_POSTROUTING = (
    ("KUBE-POSTROUTING", "-m mark ! --mark 0x4000/0x4000", "RETURN"),
    ("KUBE-POSTROUTING", "", "MARK --set-xmark 0x4000/0x0"),
    (
        "KUBE-POSTROUTING",
        _comment("kubernetes service traffic requiring SNAT"),
        "MASQUERADE --random-fully",
    ),
    (_MASQUERADE, "", "MARK --set-xmark 0x4000/0x4000"),
)
_NODE_PORTS_LAST = _comment(
    "kubernetes service nodeports; NOTE: this must be the last rule in this chain"
)


def _probability(left: int) -> str:
    """1/left as the kernel keeps it, in units of 2^-31 (libxt_statistic.c)."""
    return f"{round(_PROBABILITY_ONE / left) / _PROBABILITY_ONE:.11f}"


@dataclass(slots=True)
class _Table:
    """One table while it is written."""

    hooks: tuple[str, ...]
    rules: dict[str, list[str]] = field(default_factory=dict)

    def add(self, chain: str, match: str, jump: str) -> None:
        """A rule at the end of a chain; chains come to be by what is in them or leads there."""
        if jump.startswith("KUBE-"):
            self.rules.setdefault(jump, [])
        rule = " ".join(filter(None, ("-A", chain, match, "-j", jump)))
        self.rules.setdefault(chain, []).append(rule)

    def lines(self, name: str) -> Iterator[str]:
        """The hooks' chains, then the others by name, each with its rules together."""
        own = sorted(self.rules.keys() - set(self.hooks))
        yield f"*{name}"
        yield from (f":{hook} ACCEPT [0:0]" for hook in self.hooks)
        yield from (f":{chain} - [0:0]" for chain in own)
        for chain in (*self.hooks, *own):
            yield from self.rules.get(chain, ())
        yield "COMMIT"


def iptables_listings(tables: ProxyTables) -> Iterator[Listing]:
    """One listing for each family of the cluster."""
    for version in tables.versions:
        writer = _Writer(tables, version)
        for rules in service_ports(tables.of_version(version)):
            writer.add(rules)
        command = "iptables-save" if version == 4 else "ip6tables-save"
        yield Listing(command, writer.text())


class _Writer:
    """The tables `filter` and `nat` of one family."""

    def __init__(self, tables: ProxyTables, version: int) -> None:
        self._pods = tables.pod_cidr(version)
        self._width = 32 if version == 4 else 128
        self._reject = "icmp-port-unreachable" if version == 4 else "icmp6-port-unreachable"
        self._mask = "255.255.255.255" if version == 4 else ":".join(["ffff"] * 8)
        self._filter, self._nat = _Table(_FILTER_HOOKS), _Table(_NAT_HOOKS)
        for rule in _LEAD_IN_FILTER:
            self._filter.add(*rule)
        for match in _FORWARD:
            self._filter.add("KUBE-FORWARD", match, "ACCEPT")
        for rule in (*_LEAD_IN_NAT, *_POSTROUTING):
            self._nat.add(*rule)

    def add(self, rules: ServicePortRules) -> None:
        """All chains of a Service's port, and what leads into them."""
        for frontend in rules.frontends:
            self._refuse(rules, frontend)
            self._lead_in(rules, frontend)
            if frontend.source_ranges:
                self._firewall(rules, frontend)
        if rules.external and rules.has_endpoints:
            self._external(rules)
        for kind, pool in rules.pools:
            self._pool(rules, kind, pool)
        for backend in dict.fromkeys(backend for _, pool in rules.pools for backend in pool):
            self._endpoint(rules, backend)

    def text(self) -> str:
        """Both tables, as iptables-restore reads them."""
        match = f"{_NODE_PORTS_LAST} -m addrtype --dst-type LOCAL"
        self._nat.add("KUBE-SERVICES", match, "KUBE-NODEPORTS")
        lines = (*self._filter.lines("filter"), *self._nat.lines("nat"))
        return "\n".join(lines) + "\n"

    def _refuse(self, rules: ServicePortRules, frontend: Frontend) -> None:
        refusal = rules.refusal(frontend)
        if refusal is None:
            return
        chain = "KUBE-EXTERNAL-SERVICES" if frontend.is_external else "KUBE-SERVICES"
        target = "DROP" if refusal.drops else f"REJECT --reject-with {self._reject}"
        local = " -m addrtype --dst-type LOCAL" if is_node_port(frontend) else ""
        comment = _comment(f"{rules.name} {refusal.comment}") + local
        self._filter.add(chain, self._to(rules, frontend, comment), target)

    def _lead_in(self, rules: ServicePortRules, frontend: Frontend) -> None:
        if frontend.is_external and rules.has_endpoints:
            into = iptables_chain("EXT", rules)
        elif frontend.pool(from_inside=True):
            into = iptables_chain("SVL" if rules.is_internally_local else "SVC", rules)
        else:
            return
        chain = "KUBE-NODEPORTS" if is_node_port(frontend) else "KUBE-SERVICES"
        comment = _comment(rules.name + _KIND_WORDS[frontend.kind])
        self._nat.add(chain, self._to(rules, frontend, comment), into)

    def _firewall(self, rules: ServicePortRules, frontend: Frontend) -> None:
        chain = iptables_chain("FW", rules)
        comment = _comment(f"{rules.name} traffic not accepted by {chain}")
        self._filter.add("KUBE-PROXY-FIREWALL", self._to(rules, frontend, comment), chain)
        for network in frontend.source_ranges:
            if network.max_prefixlen == self._width:
                match = f"-s {network} {_comment(f'{rules.name} loadbalancer IP')}"
                self._filter.add(chain, match, "RETURN")
        dropped = _comment(f"other traffic to {rules.name} will be dropped")
        self._filter.add(chain, dropped, "DROP")

    def _external(self, rules: ServicePortRules) -> None:
        chain, all_of_them = iptables_chain("EXT", rules), iptables_chain("SVC", rules)
        what = f"for {rules.name} external destinations"
        if not rules.is_externally_local:
            self._nat.add(chain, _comment(f"masquerade traffic {what}"), _MASQUERADE)
            self._nat.add(chain, "", all_of_them)
            return
        if rules.cluster_pool:
            local = "-m addrtype --src-type LOCAL"
            self._nat.add(chain, f"-s {self._pods} {_comment(f'pod traffic {what}')}", all_of_them)
            masquerade = f"{_comment(f'masquerade LOCAL traffic {what}')} {local}"
            self._nat.add(chain, masquerade, _MASQUERADE)
            self._nat.add(chain, f"{_comment(f'route LOCAL traffic {what}')} {local}", all_of_them)
        if rules.local_pool:
            self._nat.add(chain, "", iptables_chain("SVL", rules))

    def _pool(self, rules: ServicePortRules, kind: str, pool: tuple[Backend, ...]) -> None:
        chain = iptables_chain(kind, rules)
        if rules.is_internally_local == (kind == "SVL"):
            for frontend in rules.internal:
                match = self._to(rules, frontend, _comment(f"{rules.name} cluster IP"))
                self._nat.add(chain, f"! -s {self._pods} {match}", _MASQUERADE)
        comments = [_comment(f"{rules.name} -> {address_of(backend)}") for backend in pool]
        if rules.affinity_s:
            for comment, backend in zip(comments, pool, strict=True):
                target = iptables_endpoint_chain(rules, backend)
                recent = f"--rcheck --seconds {rules.affinity_s} --reap --name {target}"
                match = f"{comment} -m recent {recent} --mask {self._mask} --rsource"
                self._nat.add(chain, match, target)
        for at, (comment, backend) in enumerate(zip(comments, pool, strict=True)):
            chance = f" -m statistic --mode random --probability {_probability(len(pool) - at)}"
            match = comment + (chance if at < len(pool) - 1 else "")
            self._nat.add(chain, match, iptables_endpoint_chain(rules, backend))

    def _endpoint(self, rules: ServicePortRules, backend: Backend) -> None:
        chain, comment = iptables_endpoint_chain(rules, backend), _comment(rules.name)
        self._nat.add(chain, f"-s {text(backend.ip)}/{self._width} {comment}", _MASQUERADE)
        recent = f" -m recent --set --name {chain} --mask {self._mask} --rsource"
        match = f"-p {rules.protocol} {comment}{recent if rules.affinity_s else ''}"
        target = f"DNAT --to-destination {address_of(backend)}"
        self._nat.add(chain, f"{match} -m {rules.protocol}", target)

    def _to(self, rules: ServicePortRules, frontend: Frontend, comment: str) -> str:
        address, _, port = frontend.key
        to = "" if is_node_port(frontend) else f"-d {text(address)}/{self._width} "
        protocol = rules.protocol
        return f"{to}-p {protocol} {comment} -m {protocol} --dport {port}"
