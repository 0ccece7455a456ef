"""Load balancers and Ingresses between pb2 messages and the model."""

from netcore.model.address import parse_address
from netcore.model.load_balancer import Ingress, IngressBackend, IngressPath, LoadBalancer
from protos.gen.v1 import network_pb2


def load_balancer_to_pb(wanted: LoadBalancer) -> network_pb2.LoadBalancer:
    return network_pb2.LoadBalancer(
        type=wanted.type,
        class_name=wanted.class_name,
        requested_ip=str(wanted.requested_ip or ""),
        ingress_ips=map(str, wanted.ingress_ips),
    )


def load_balancer_from_pb(message: network_pb2.LoadBalancer) -> LoadBalancer:
    requested = message.requested_ip
    return LoadBalancer(
        message.type,
        message.class_name,
        parse_address(requested) if requested else None,
        tuple(map(parse_address, message.ingress_ips)),
    )


def ingress_to_pb(ingress: Ingress) -> network_pb2.Ingress:
    default = ingress.default_backend
    return network_pb2.Ingress(
        namespace=ingress.namespace,
        name=ingress.name,
        uid=ingress.uid,
        class_name=ingress.class_name,
        paths=[
            network_pb2.IngressPath(
                host=path.host,
                path=path.path,
                path_type=path.path_type,
                backend=_backend_to_pb(path.backend),
            )
            for path in ingress.paths
        ],
        default_backend=_backend_to_pb(default) if default else None,
        ingress_ips=map(str, ingress.ingress_ips),
    )


def ingress_from_pb(message: network_pb2.Ingress) -> Ingress:
    has_default = message.HasField("default_backend")
    return Ingress(
        namespace=message.namespace,
        name=message.name,
        uid=message.uid,
        class_name=message.class_name,
        paths=tuple(
            IngressPath(path.host, path.path, path.path_type, _backend_from_pb(path.backend))
            for path in message.paths
        ),
        default_backend=_backend_from_pb(message.default_backend) if has_default else None,
        ingress_ips=tuple(map(parse_address, message.ingress_ips)),
    )


def _backend_to_pb(backend: IngressBackend) -> network_pb2.IngressBackend:
    return network_pb2.IngressBackend(
        service_name=backend.service_name,
        port_name=backend.port_name,
        port_number=backend.port_number,
    )


def _backend_from_pb(message: network_pb2.IngressBackend) -> IngressBackend:
    return IngressBackend(message.service_name, message.port_name, message.port_number)
