"""What the cloud has to know of Services and Ingresses: deaf to what it cannot understand."""

from collections.abc import Iterator
from typing import Any

from netcore.manifest.addresses import address
from netcore.model.address import IpAddress
from netcore.model.load_balancer import Ingress, IngressBackend, IngressPath, LoadBalancer

Object = dict[str, Any]
LOAD_BALANCER_TYPE = "kubehop.dev/load-balancer-type"
_LEGACY_CLASS = "kubernetes.io/ingress.class"


def load_balancer_of(service: Object) -> LoadBalancer | None:
    """What the Service wants of a load balancer; also when it has one that it no longer wants."""
    spec = service["spec"]
    has = _ingress_ips(service)
    if spec.get("type") != "LoadBalancer" and not has:
        return None
    annotations = service["metadata"].get("annotations") or {}
    return LoadBalancer(
        type=str(annotations.get(LOAD_BALANCER_TYPE) or ""),
        class_name=str(spec.get("loadBalancerClass") or ""),
        requested_ip=address(str(spec.get("loadBalancerIP") or "")),
        ingress_ips=has,
    )


def ingress_state(ingress: Object) -> Ingress:
    """An Ingress of any class; what of its rules leads nowhere is left out."""
    about, spec = ingress["metadata"], ingress.get("spec") or {}
    annotations = about.get("annotations") or {}
    return Ingress(
        namespace=about["namespace"],
        name=about["name"],
        uid=about["uid"],
        class_name=str(spec.get("ingressClassName") or annotations.get(_LEGACY_CLASS) or ""),
        paths=tuple(_paths(spec)),
        default_backend=_backend(spec.get("defaultBackend")),
        ingress_ips=_ingress_ips(ingress),
    )


def _paths(spec: Object) -> Iterator[IngressPath]:
    for rule in spec.get("rules") or ():
        for path in (rule.get("http") or {}).get("paths") or ():
            backend = _backend(path.get("backend"))
            if backend is not None:
                yield IngressPath(
                    str(rule.get("host") or ""),
                    str(path.get("path") or "/"),
                    str(path.get("pathType") or "ImplementationSpecific"),
                    backend,
                )


def _backend(backend: Object | None) -> IngressBackend | None:
    service = (backend or {}).get("service") or {}
    if not service.get("name"):
        return None  # a resource backend: nothing here can be one
    port = service.get("port") or {}
    return IngressBackend(
        str(service["name"]), str(port.get("name") or ""), int(port.get("number") or 0)
    )


def _ingress_ips(obj: Object) -> tuple[IpAddress, ...]:
    status = (obj.get("status") or {}).get("loadBalancer") or {}
    found = (address(str(entry.get("ip"))) for entry in status.get("ingress") or ())
    return tuple(each for each in found if each is not None)
