"""FROM and TO against a cluster of plain objects."""

import pytest

from kubehop.ends import Place, Target, parse_source, parse_target
from kubehop.kubernetes.client import ApiError
from kubehop.kubernetes.nodes import find_node, node_names
from kubehop.kubernetes.trace_ends import find_destination, find_source
from netcore.model.errors import ConfigError


def pod(name, *ips, phase="Running", ready=True):
    conditions = [{"type": "Ready", "status": str(ready)}]
    addresses = [{"ip": ip} for ip in ips]
    status = {"phase": phase, "podIPs": addresses, "conditions": conditions}
    return {"metadata": {"name": name, "namespace": "shop"}, "spec": {}, "status": status}


def service(name, *ips, ports=((80, "http"),), status=None, **spec):
    listed = [{"port": port, "name": label, **more} for port, label, *rest in ports
              for more in (rest[0] if rest else {},)]  # fmt: skip
    spec = {"clusterIPs": list(ips), "ports": listed, **spec}
    return {"metadata": {"name": name, "namespace": "shop"}, "spec": spec, "status": status or {}}


def node(name, *ips):
    addresses = [{"type": "InternalIP", "address": ip} for ip in ips]
    conditions = [{"type": "Ready", "status": "True"}]
    return {"metadata": {"name": name}, "status": {"addresses": addresses,
                                                   "conditions": conditions}}  # fmt: skip


PODS = [
    pod("web", "10.244.0.2"),
    pod("dual", "10.244.0.3", "fd00::3"),
    pod("six", "fd00::6"),
    pod("late", phase="Pending", ready=False),
]
SERVICES = [
    service("backend", "10.96.0.7", ports=((80, "http"), (53, "dns", {"protocol": "UDP"}))),
    service("headless", "None"),
    service("alias", type="ExternalName", externalName="example.org"),
    service("np", "10.96.0.9", type="NodePort", ports=((80, "http", {"nodePort": 30080}),)),
    service("lb", "10.96.0.8", status={"loadBalancer": {"ingress": [{"ip": "172.18.0.200"}]}}),
    service("sctp", "10.96.0.6", ports=((80, "x", {"protocol": "SCTP"}),)),
]
SLICE = {
    "addressType": "IPv4",
    "endpoints": [{"addresses": ["10.244.1.2"]}, {"addresses": ["10.244.2.2"]}],
}
NODES = [node("n1", "172.18.0.11"), node("n2", "172.18.0.12", "fd00:18::12")]


class Client:
    """The GETs of an API server."""

    deployment_pods = PODS[3:] + PODS[:1]

    def get(self, path, parameters=None):
        parts = path.strip("/").split("/")
        if path == "/api/v1/nodes":
            return {"items": NODES}
        if path == "/api/v1/services":
            return {"items": SERVICES}
        if parts[-1] == "endpointslices":
            return {"items": [SLICE]}
        if parts[-1] == "pods":
            return {"items": self.deployment_pods}
        if parts[-2] == "deployments":
            return {"spec": {"selector": {"matchLabels": {"app": parts[-1]}}}}
        kinds = {"pods": PODS, "services": SERVICES}
        for found in kinds[parts[-2]]:
            if found["metadata"]["name"] == parts[-1] and parts[-3] == "shop":
                return found
        raise ApiError(404, "NotFound", f'{parts[-2]} "{parts[-1]}" not found')


def source(text="web"):
    return find_source(Client(), parse_source(text, "shop"))


def to(text, sender="web", protocol=""):
    return find_destination(Client(), parse_target(text, "shop", protocol), source(sender))


def test_senders():
    assert (source().as_json(), source().addresses) == (
        {"pod": {"namespace": "shop", "name": "web"}},
        ("10.244.0.2",),
    )
    assert source("deploy/web").name == "web"
    assert source("node/n2").as_json() == {"node": "n2"}
    assert source("node/n2").addresses == ("172.18.0.12", "fd00:18::12")
    assert [str(source(text)) for text in ("web", "node/n1", "outside")] == [
        "pod shop/web",
        "node n1",
        "a client outside",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nobody", 'pods "nobody" not found'),
        ("late", "is not running"),
        ("node/n9", 'node "n9" not found: there are n1, n2'),
    ],
)
def test_senders_that_are_not_there(text, message):
    with pytest.raises((ConfigError, ApiError), match=message):
        source(text)


def test_a_deployment_without_a_ready_pod(monkeypatch):
    monkeypatch.setattr(Client, "deployment_pods", PODS[3:])
    with pytest.raises(ConfigError, match=r"deployment shop/web has no ready pod \(1 in all\)"):
        source("deploy/web")


@pytest.mark.parametrize(
    ("text", "host", "port", "protocol"),
    [
        ("dual:80", "10.244.0.3", 80, "TCP"),
        ("pod/dual", "10.244.0.3", 0, "ICMP"),
        ("deploy/web:81/udp", "10.244.0.2", 81, "UDP"),
        ("svc/backend", "10.96.0.7", 80, "TCP"),
        ("svc/backend:dns", "10.96.0.7", 53, "UDP"),
        ("svc/backend:53/udp", "10.96.0.7", 53, "UDP"),
        ("svc/backend:99", "10.96.0.7", 99, "TCP"),
        ("svc/headless", "headless.shop.svc", 80, "TCP"),
        ("node/n1:30080", "172.18.0.11", 30080, "TCP"),
        ("node/n1", "172.18.0.11", 0, "ICMP"),
        ("10.0.0.1:80", "10.0.0.1", 80, "TCP"),
        ("backend:80", "backend", 80, "TCP"),
        ("example.org", "example.org", 0, "ICMP"),
    ],
)
def test_destinations(text, host, port, protocol):
    found = to(text)
    assert (found.host, found.port, found.protocol) == (host, port, protocol)
    assert found.as_json() == {"host": host, "port": port, "protocol": protocol}


def test_the_family_is_the_senders():
    assert to("dual:80", "six").host == "fd00::3"
    assert to("node/n2:1", "six").host == "fd00:18::12"
    with pytest.raises(ConfigError, match="has only IPv6"):
        to("web:80", "six")


def test_what_stands_behind_an_address_is_watched():
    backends = ("10.244.1.2", "10.244.2.2")
    assert to("svc/backend").watch == ("10.96.0.7", *backends)
    assert to("backend:80").watch == ("10.96.0.7", *backends)
    assert to("10.96.0.7:80").watch == ("10.96.0.7", *backends)
    assert to("172.18.0.11:30080").watch == ("172.18.0.11", *backends)
    assert to("10.0.0.1:80").watch == ("10.0.0.1",)
    assert to("example.org:80").watch == ()
    assert to("svc/backend", protocol="ICMP").protocol == "ICMP"


def test_a_client_outside_comes_by_load_balancer_or_node_port():
    found = to("svc/lb", "outside")
    assert (found.host, found.port) == ("172.18.0.200", 80)
    found = to("svc/np", "outside")
    assert (found.host, found.port) == ("172.18.0.11", 30080)
    assert "172.18.0.12" in found.watch


@pytest.mark.parametrize(
    ("text", "sender", "message"),
    [
        ("pod/nobody", "web", 'pods "nobody" not found'),
        ("svc/nobody", "web", 'services "nobody" not found'),
        ("svc/alias", "web", r"only a name \(example.org\)"),
        ("svc/backend:foo", "web", 'no port "foo": it has 80/TCP http, 53/UDP dns'),
        ("svc/sctp", "web", "SCTP cannot be traced"),
        ("svc/backend", "outside", "a client outside reaches only"),
        ("node/n9:1", "web", "there are n1, n2"),
        ("pod/late:1", "web", "has no address yet"),
    ],
)
def test_destinations_that_cannot_be_traced(text, sender, message):
    with pytest.raises((ConfigError, ApiError), match=message):
        to(text, sender)


def test_nodes():
    assert node_names(Client()) == ["n1", "n2"]
    assert find_node(Client(), "n1")["metadata"]["name"] == "n1"


def test_a_name_for_dns_is_no_pods_name():
    source = find_source(Client(), parse_source("web", "shop"))
    to = find_destination(Client(), Target(Place("dns", "web", "shop"), "80"), source)
    assert (to.host, to.port, to.watch) == ("web", 80, ())
    to = find_destination(Client(), Target(Place("dns", "backend", "shop"), "80"), source)
    assert to.host == "backend"
    assert "10.96.0.7" in to.watch
