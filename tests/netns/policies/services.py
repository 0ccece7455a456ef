"""One Service for each pod of the world, in front of both of its ports."""

from ipaddress import ip_address

from netcore.model.change import Change
from netcore.model.endpoint import Endpoint, EndpointPort, EndpointSlice
from netcore.model.service import Service, ServicePort
from tests.netns.policies.world import KINDS, NAMES, PORTS, Probe, World

_FIRST = 100


def services_of(world: World):
    """Makes them known to every node. Where to ask instead of the pod's own place."""
    changes = []
    for index, name in enumerate(NAMES):
        pod = world.pods[name]
        ports = [(f"{kind}-{port}".lower(), kind, port) for kind in KINDS for port in PORTS]
        changes += [
            Change(
                Service(
                    pod.namespace,
                    pod.name,
                    f"service-{pod.name}",
                    cluster_ips=(ip_address(f"10.96.0.{_FIRST + index}"),),
                    ports=tuple(ServicePort(n, kind, 1000 + port) for n, kind, port in ports),
                )
            ),
            Change(
                EndpointSlice(
                    pod.namespace,
                    pod.name,
                    pod.name,
                    "IPv4",
                    tuple(EndpointPort(n, kind, port) for n, kind, port in ports),
                    (Endpoint(pod.ips, node_name=pod.node_name, target=pod.key),),
                )
            ),
        ]
    world.spread(tuple(changes))

    def place(probe: Probe):
        return f"10.96.0.{_FIRST + NAMES.index(probe.target)}", 1000 + probe.port

    return place
