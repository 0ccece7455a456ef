"""Which Service an HTTP request goes to. Pure.

Source: networking.k8s.io/v1 Ingress (IngressRule, HTTPIngressPath); Kubernetes documentation
"Ingress", path types and hostname wildcards.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from netcore.model.load_balancer import Ingress, IngressBackend

ServiceRef = tuple[str, IngressBackend]
"""(namespace, backend)"""


@dataclass(frozen=True, slots=True)
class _Rule:
    host: str
    path: str
    is_exact: bool
    target: ServiceRef

    def matches(self, host: str, path: str) -> bool:
        return _host_matches(self.host, host) and self._path_matches(path)

    def _path_matches(self, path: str) -> bool:
        if self.is_exact:
            return path == self.path
        prefix = self.path.rstrip("/")
        return path == prefix or path.startswith(f"{prefix}/")

    @property
    def rank(self) -> tuple[bool, bool, int, bool]:
        """The most exact host wins, then the longest path, then Exact over Prefix."""
        return bool(self.host), not self.host.startswith("*."), len(self.path), self.is_exact


class Router:
    """The rules of Ingresses; of equal ones the first counts."""

    def __init__(self, ingresses: Iterable[Ingress]) -> None:
        ordered = sorted(ingresses, key=lambda each: each.key)
        rules = [
            _Rule(
                path.host.lower(),
                path.path,
                path.path_type == "Exact",
                (ingress.namespace, path.backend),
            )
            for ingress in ordered
            for path in ingress.paths
        ]
        self._rules = sorted(rules, key=lambda rule: rule.rank, reverse=True)
        defaults = (
            (each.namespace, each.default_backend) for each in ordered if each.default_backend
        )
        self._default: ServiceRef | None = next(defaults, None)

    def find(self, host: str, path: str) -> ServiceRef | None:
        """Whom a request with that Host header (a port is passed over) and path is for.

        None when no rule has it and there is no default backend.
        """
        name = _without_port(host).lower().rstrip(".")
        for rule in self._rules:
            if rule.matches(name, path):
                return rule.target
        return self._default


def _host_matches(wanted: str, host: str) -> bool:
    if not wanted.startswith("*."):
        return not wanted or wanted == host
    label, dot, rest = host.partition(".")
    return bool(label and dot) and rest == wanted[2:]


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]
