"""Host ports: ports of a node that lead to one of its pods.

Source: CNI's portmap plugin; the Pod API's containers[].ports[].hostPort and hostIP.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from netcore.model.pod import Pod
from netcore.packet.protocols import PROTOCOL_NAMES, PROTOCOLS_WITH_PORTS
from netcore.service.frontend import ANY_NODE, FrontendKey

_NUMBERS = {PROTOCOL_NAMES[number]: number for number in PROTOCOLS_WITH_PORTS}


@dataclass(frozen=True, slots=True)
class HostPortTarget:
    """The pod behind a host port, its packed address and the port there."""

    pod: tuple[str, str]
    ip: bytes
    port: int


def host_port_targets(pod: Pod) -> Iterator[tuple[FrontendKey, HostPortTarget]]:
    """What leads to the pod on its node; without a hostIP every address of the node does."""
    for wanted in pod.host_ports:
        number = _NUMBERS.get(wanted.protocol)
        if number is None:
            continue
        for ip in pod.ips:
            address = wanted.address
            if address is not None and address.version != ip.version:
                continue
            place = ANY_NODE[len(ip.packed)] if address is None else address.packed
            target = HostPortTarget(pod.key, ip.packed, wanted.container_port)
            yield (place, number, wanted.port), target
