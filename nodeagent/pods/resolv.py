"""/etc/resolv.conf by dnsPolicy and dnsConfig, as pkg/kubelet/network/dns/dns.go makes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from nodeagent.pods.interfaces import Manifest

NAMESERVERS_MAX: Final = 3
SEARCHES_MAX: Final = 32


@dataclass(frozen=True)
class ResolverConfig:
    """The three kinds of lines of resolv.conf(5), in order."""

    nameservers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    def encode(self) -> str:
        lines = []
        if self.searches:
            lines.append("search " + " ".join(self.searches[:SEARCHES_MAX]))
        lines += [f"nameserver {address}" for address in self.nameservers[:NAMESERVERS_MAX]]
        if self.options:
            lines.append("options " + " ".join(self.options))
        return "".join(f"{line}\n" for line in lines)


def parse_resolv_conf(text: str) -> ResolverConfig:
    """What a resolv.conf says; the last search line counts. Never fails."""
    nameservers: list[str] = []
    searches: list[str] = []
    options: list[str] = []
    for line in text.splitlines():
        words = line.split()
        match words[:1]:
            case ["nameserver"] if len(words) > 1:
                nameservers.append(words[1])
            case ["search"]:
                searches = [word for word in words[1:] if word != "."]
            case ["options"]:
                options = words[1:]
    return ResolverConfig(tuple(nameservers), tuple(searches), tuple(options))


def pod_resolver(
    pod: Manifest, node: ResolverConfig, dns_addresses: Sequence[str], cluster_domain: str
) -> ResolverConfig:
    """The resolver configuration of a pod."""
    spec = pod["spec"]
    policy = spec.get("dnsPolicy") or "ClusterFirst"
    if policy == "ClusterFirst" and spec.get("hostNetwork"):
        policy = "Default"
    if policy == "None":
        base = ResolverConfig()
    elif policy == "Default" or not dns_addresses:
        base = node
    else:
        namespace = pod["metadata"]["namespace"]
        cluster = (f"{namespace}.svc.{cluster_domain}", f"svc.{cluster_domain}", cluster_domain)
        searches = _unique((*cluster, *node.searches))
        base = ResolverConfig(tuple(dns_addresses), searches, ("ndots:5",))
    return _with_dns_config(base, spec.get("dnsConfig") or {})


def _with_dns_config(base: ResolverConfig, config: Manifest) -> ResolverConfig:
    options = {option.partition(":")[0]: option for option in base.options}
    for option in config.get("options") or ():
        name, value = option.get("name"), option.get("value")
        if name:
            options[name] = f"{name}:{value}" if value else name
    return ResolverConfig(
        _unique((*base.nameservers, *(config.get("nameservers") or ()))),
        _unique((*base.searches, *(config.get("searches") or ()))),
        tuple(options.values()),
    )


def _unique(items: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(items))
