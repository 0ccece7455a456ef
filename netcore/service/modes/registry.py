"""The proxy modes there are, by name."""

from collections.abc import Callable

from netcore.model.errors import ConfigError
from netcore.service.modes.base import ProxyMode
from netcore.service.modes.ebpf import Ebpf
from netcore.service.modes.iptables import Iptables
from netcore.service.modes.ipvs import Ipvs
from netcore.service.modes.nftables import Nftables
from netcore.service.modes.none import NoProxy
from netcore.service.schedulers import SCHEDULERS

LB_ALGORITHMS = ("random", "maglev")

_MODES: dict[str, Callable[[str, str], ProxyMode]] = {
    "iptables": lambda scheduler, algorithm: Iptables(),
    "ipvs": lambda scheduler, algorithm: Ipvs(scheduler),
    "nftables": lambda scheduler, algorithm: Nftables(),
    "ebpf": lambda scheduler, algorithm: Ebpf(algorithm),
    "none": lambda scheduler, algorithm: NoProxy(),
}
PROXY_MODES = tuple(_MODES)


def proxy_mode(name: str, scheduler: str = "rr", lb_algorithm: str = "random") -> ProxyMode:
    """The mode of this name. Raises ConfigError that names the value and what there is."""
    for what, value, known in (
        ("proxy mode", name, PROXY_MODES),
        ("IPVS scheduler", scheduler, tuple(SCHEDULERS)),
        ("load-balancing algorithm", lb_algorithm, LB_ALGORITHMS),
    ):
        if value not in known:
            raise ConfigError(f"{what} {value!r}: there is {', '.join(known)}")
    return _MODES[name](scheduler, lb_algorithm)
