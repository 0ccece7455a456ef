from ipaddress import ip_address

import pytest

from netcore.manifest.load_balancers import ingress_state, load_balancer_of
from netcore.model.load_balancer import Ingress, IngressBackend, IngressPath, LoadBalancer

ADDRESS = ip_address("172.18.255.201")


def service(kind="LoadBalancer", ips=(), annotations=None, **spec):
    return {
        "metadata": {"name": "web", "namespace": "default", "annotations": annotations},
        "spec": {"type": kind, **spec},
        "status": {"loadBalancer": {"ingress": [{"ip": ip} for ip in ips]}},
    }


def test_a_service_tells_what_it_wants_and_has():
    found = load_balancer_of(
        service(
            ips=[str(ADDRESS)],
            annotations={"kubehop.dev/load-balancer-type": "application"},
            loadBalancerClass="example.com/own",
            loadBalancerIP=str(ADDRESS),
        )
    )
    assert found == LoadBalancer("application", "example.com/own", ADDRESS, (ADDRESS,))


def test_a_service_of_another_type_has_none_but_what_is_left_of_one():
    assert load_balancer_of(service("ClusterIP")) is None
    left = load_balancer_of(service("ClusterIP", [str(ADDRESS)]))
    assert left == LoadBalancer(ingress_ips=(ADDRESS,))


@pytest.mark.parametrize("text", ["nonsense", "", None, 7, "300.1.1.1"])
def test_an_address_that_is_none_is_passed_over(text):
    found = load_balancer_of(service(ips=[text], loadBalancerIP=text))
    assert found == LoadBalancer()


def backend(service, **port):
    return {"service": {"name": service, "port": port}}


def ingress(annotations=None, ips=(), **spec):
    return {
        "metadata": {
            "name": "shop",
            "namespace": "default",
            "uid": "u",
            "annotations": annotations,
        },
        "spec": spec,
        "status": {"loadBalancer": {"ingress": [{"ip": ip} for ip in ips]}},
    }


def test_an_ingress_and_its_rules():
    paths = [
        {"path": "/api", "pathType": "Prefix", "backend": backend("api", number=8080)},
        {"pathType": "ImplementationSpecific", "backend": backend("web", name="http")},
    ]
    found = ingress_state(
        ingress(
            ips=[str(ADDRESS)],
            ingressClassName="kubehop",
            defaultBackend=backend("fallback", number=80),
            rules=[{"host": "shop.test", "http": {"paths": paths}}],
        )
    )
    assert found == Ingress(
        "default",
        "shop",
        "u",
        "kubehop",
        (
            IngressPath("shop.test", "/api", "Prefix", IngressBackend("api", "", 8080)),
            IngressPath(
                "shop.test", "/", "ImplementationSpecific", IngressBackend("web", "http", 0)
            ),
        ),
        IngressBackend("fallback", "", 80),
        (ADDRESS,),
    )


def test_the_old_annotation_names_the_class_too():
    assert ingress_state(ingress({"kubernetes.io/ingress.class": "nginx"})).class_name == "nginx"


def test_what_leads_nowhere_is_left_out():
    resource = {"resource": {"kind": "Bucket", "name": "static"}}
    rules = [{"host": "a.test"}, {"http": {"paths": [{"path": "/", "backend": resource}]}}]
    found = ingress_state(ingress(rules=rules, defaultBackend=resource))
    assert (found.paths, found.default_backend) == ((), None)
