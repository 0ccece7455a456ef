"""Which flows to show: the same filter given twice means either, different ones mean both."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kubehop.observing import criteria
from kubehop.observing.flow import DESTINATION, SOURCE
from netcore.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubehop.observing.criteria import Question, SidedQuestion
    from kubehop.observing.flow import Flow

SIDED: dict[str, Callable[[str], SidedQuestion]] = {
    "pod": criteria.pod,
    "namespace": criteria.in_namespace,
    "label": criteria.label,
    "ip": criteria.ip,
    "port": criteria.port_number,
    "service": criteria.service,
    "fqdn": criteria.fqdn,
    "identity": criteria.identity,
}
"""Each is also there with `from-` and `to-` before its name."""

PLAIN: dict[str, Callable[[str], Question]] = {
    "protocol": criteria.protocol,
    "verdict": criteria.verdict,
    "type": criteria.kind,
    "traffic-direction": criteria.direction,
    "node-name": criteria.node_name,
    "drop-reason-desc": criteria.drop_reason,
    "tcp-flags": criteria.tcp_flags,
    "ip-version": criteria.ip_version,
    "http-method": criteria.http_method,
    "http-status": criteria.http_status,
    "http-path": criteria.http_path,
    "http-url": criteria.http_url,
    "uuid": criteria.uuid,
}
_NAMES_OF_NAMESPACES = ("pod", "service")
_SIDES = {"from": (SOURCE,), "to": (DESTINATION,), "": (SOURCE, DESTINATION)}


@dataclass(slots=True)
class Filters:
    """The wanted and the unwanted. `namespace` is where names without one are looked for."""

    namespace: str = "default"
    _wanted: dict[str, list[Question]] = field(default_factory=lambda: defaultdict(list))
    _unwanted: list[Question] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self._wanted or self._unwanted)

    def add(self, name: str, value: str, *, negated: bool = False) -> None:
        """`name` is an option's without dashes before it. Raises ConfigError naming it."""
        try:
            question = self._question(name, value)
        except ConfigError as error:
            raise ConfigError(f"--{name}: {error}") from error
        if negated:
            self._unwanted.append(question)
        else:
            self._wanted[name].append(question)

    def show(self, flow: Flow) -> bool:
        """Whether a flow is wanted."""
        return all(
            any(question(flow) for question in alike) for alike in self._wanted.values()
        ) and not any(question(flow) for question in self._unwanted)

    def _question(self, name: str, value: str) -> Question:
        plain = PLAIN.get(name)
        if plain is not None:
            return plain(value)
        side, bare = _split(name)
        if bare in _NAMES_OF_NAMESPACES:
            maker = criteria.pod if bare == "pod" else criteria.service
            asked = maker(value, self.namespace)
        else:
            asked = SIDED[bare](value)
        sides = _SIDES[side]
        return lambda flow: any(asked(flow, each) for each in sides)


def _split(name: str) -> tuple[str, str]:
    for side in ("from", "to"):
        if name.startswith(f"{side}-"):
            return side, name.removeprefix(f"{side}-")
    return "", name
