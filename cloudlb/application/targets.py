"""The nodes behind an HTTP request, and whose turn it is. Pure."""

from collections import OrderedDict
from dataclasses import dataclass

from netcore.model.address import IpAddress, IpNetwork, authority

_MAX_GROUPS = 1024


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request is sent: a node and its node port, or a cluster IP."""

    address: IpAddress
    port: int

    @property
    def authority(self) -> str:
        """As in a URL (RFC 3986)."""
        return authority(self.address, self.port)


@dataclass(frozen=True, slots=True)
class TargetGroup:
    """Who may answer, or why there is nobody. No `sources`: clients from everywhere."""

    targets: tuple[Target, ...]
    sources: tuple[IpNetwork, ...] = ()
    why_empty: str = "no node is healthy"

    def admits(self, client: IpAddress) -> bool:
        """Whether that client may use it; each family has ranges of its own."""
        own = [each for each in self.sources if each.version == client.version]
        return not self.sources or any(client in each for each in own)


class Turns:
    """Round robin over each group on its own; a group whose members change is a new one.

    Bounded: the group that was not asked for longest begins anew.
    """

    def __init__(self) -> None:
        self._next: OrderedDict[tuple[Target, ...], int] = OrderedDict()

    def order(self, group: TargetGroup) -> tuple[Target, ...]:
        """Whom to ask, the one whose turn it is first."""
        if not group.targets:
            return ()
        at = self._next.pop(group.targets, 0)
        self._next[group.targets] = (at + 1) % len(group.targets)
        if len(self._next) > _MAX_GROUPS:
            self._next.popitem(last=False)
        return group.targets[at:] + group.targets[:at]
