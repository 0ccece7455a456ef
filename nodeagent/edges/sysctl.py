"""Kernel settings of the node's network namespace that the host endpoint depends on."""

from pathlib import Path

from netcore.model.errors import DatapathError

_ROOT = Path("/proc/sys/net")

HOST_SETTINGS = {
    "ipv4/ip_forward": "1",  # what pods send out of the cluster passes through the node
    # A packet whose socket is known before it is routed cannot be forwarded (ip_forward drops it):
    # what is for a program in the range of node ports passes through the datapath.
    "ipv4/ip_early_demux": "0",
    "ipv4/conf/all/rp_filter": "0",  # answers come in by another device than the route says
    "ipv4/conf/all/accept_local": "1",  # masqueraded packets have the node's own address
}


IPV6_HOST_SETTINGS = {"ipv6/conf/all/forwarding": "1"}
"""The same for nodes with IPv6 pods."""


def ensure(settings: dict[str, str]) -> None:
    """Make sure of the settings, changing only what differs.

    Raises DatapathError that names the setting and how to make it, where /proc/sys is
    read-only (a container).
    """
    for name, wanted in settings.items():
        path = _ROOT / name
        try:
            if path.read_text().strip() == wanted:
                continue
            path.write_text(wanted)
        except OSError as error:
            key = f"net.{name.replace('/', '.')}"
            raise DatapathError(
                "set",
                f"{key}={wanted}",
                f"{error.strerror}; start the node's container or namespace with this sysctl",
            ) from error
