"""A pod's eth0: the far end of a TAP that the datapath holds."""

import os
from dataclasses import dataclass
from functools import partial

from netcore.model.address import IpAddress
from nodeagent.edges.links import configure_pod
from nodeagent.edges.netns import run_in_netns
from nodeagent.edges.tap import open_tap

POD_DEVICE = "eth0"


@dataclass(frozen=True, slots=True)
class PodLink:
    """What a pod's device gets."""

    mac: bytes
    mtu_bytes: int
    ips: tuple[IpAddress, ...]
    gateways: tuple[IpAddress, ...]


def open_pod_device(netns_path: str, link: PodLink) -> int:
    """Make and bring up eth0 in a pod's namespace; returns the descriptor of its other end.

    Blocks for some milliseconds. Raises DatapathError or OSError, and leaves nothing then.
    """
    return run_in_netns(netns_path, partial(_make_device, link))


def _make_device(link: PodLink) -> int:
    descriptor = open_tap(POD_DEVICE)
    try:
        configure_pod(POD_DEVICE, link.mac, link.mtu_bytes, link.ips, link.gateways)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
