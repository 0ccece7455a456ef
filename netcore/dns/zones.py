"""The zones that the cluster's DNS is authoritative for, and how it answers in them."""

from dataclasses import dataclass
from typing import Literal

from netcore.dns.names import IPV4_REVERSE, IPV6_REVERSE, Name, is_within
from netcore.model.address import IpAddress

PodMode = Literal["disabled", "insecure", "verified"]

REVERSE_ZONES: tuple[Name, ...] = (IPV4_REVERSE, IPV6_REVERSE)


@dataclass(frozen=True, slots=True)
class Zones:
    """Settings of the `kubernetes` plugin, with the defaults of kubeadm's Corefile.

    `names` are lower case; the first one that is not a reverse zone is what PTR records point
    into. `local_addresses` are the server's own: they tell which Service it stands behind.
    """

    names: tuple[Name, ...] = ((b"cluster", b"local"), *REVERSE_ZONES)
    ttl_s: int = 30
    pods: PodMode = "insecure"
    local_addresses: tuple[IpAddress, ...] = ()

    def match(self, name: Name) -> Name | None:
        """The longest zone that the lower-case `name` lies in."""
        best: Name | None = None
        for zone in self.names:
            if is_within(name, zone) and (best is None or len(zone) > len(best)):
                best = zone
        return best

    @property
    def primary(self) -> Name:
        """The zone of Services and pods."""
        return next((zone for zone in self.names if not is_reverse(zone)), ())


def is_reverse(name: Name) -> bool:
    """Whether a lower-case name lies in the address-to-name trees."""
    return any(is_within(name, zone) for zone in REVERSE_ZONES)
