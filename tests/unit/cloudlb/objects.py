"""Objects as the cloud sees them, short to write."""

from ipaddress import ip_address, ip_network

from netcore.model.load_balancer import Ingress, IngressBackend, IngressPath, LoadBalancer
from netcore.model.node import Node
from netcore.model.service import Service, ServicePort

HTTP = ServicePort("http", "TCP", 80, 30080)


def ips(*texts):
    return tuple(map(ip_address, texts))


def service(name="web", has=(), requested=None, kind="", class_name="", **fields):
    """Of type LoadBalancer, with a cluster IP of its own family."""
    wanted = LoadBalancer(
        kind, class_name, None if requested is None else ip_address(requested), ips(*has)
    )
    defaults = {
        "uid": f"uid-{name}",
        "type": "LoadBalancer",
        "cluster_ips": ips("10.96.0.1"),
        "ports": (HTTP,),
        "load_balancer": wanted,
    }
    return Service("default", name, **{**defaults, **fields})


def ranges(*texts):
    return tuple(map(ip_network, texts))


def node(number, *more, labels=()):
    """172.18.0.10 + number, and whatever else is named."""
    addresses = ips(f"172.18.0.{10 + number}", *more)
    return Node(f"n{number}", addresses, ready=True, labels=dict(labels))


def ingress(name="site", paths=(), default=None, has=(), class_name="kubehop", namespace="default"):
    return Ingress(namespace, name, f"uid-{name}", class_name, tuple(paths), default, ips(*has))


def rule(host, path, to, path_type="Prefix", port=80):
    return IngressPath(host, path, path_type, IngressBackend(to, port_number=port))
