"""From the cluster's state to what the balancers do."""

from ipaddress import ip_address

import pytest

from cloudlb.assignment import Assignment, assign
from cloudlb.claims import claims
from cloudlb.health import Check
from cloudlb.network.balancer import NetworkFrontend
from cloudlb.plan import EXCLUDED_LABEL, Planner
from cloudlb.pool import parse_pool
from netcore.model.address import packed
from netcore.model.load_balancer import IngressBackend
from netcore.model.service import ServicePort
from tests.unit.cloudlb.objects import HTTP, ingress, ips, node, ranges, rule, service

POOL = parse_pool("172.18.255.1-172.18.255.9,fd00::1-fd00::9")
NODES = node(1, "fd00::11"), node(2, "fd00::12")
VIP = ip_address("172.18.255.1")


def plan(*services, nodes=NODES, ingresses=(), sick=()):
    """`sick`: checks, as address or address:port in text, that fail."""

    def is_healthy(check):
        return not {str(check.address), f"{check.address}:{check.port}"} & set(sick)

    wanted = tuple(claims(services, ingresses))
    planner = Planner(nodes, {each.key: each for each in services}, ingresses, is_healthy)
    return planner.plan(wanted, assign(wanted, POOL, Assignment()))


def targets(group):
    return [target.authority for target in group.targets]


def test_without_a_load_balancer_nobody_is_asked():
    made = plan()
    assert not made.network
    assert not made.application
    assert made.local_addresses == frozenset()
    assert made.gateways == ips("172.18.0.11", "172.18.0.12", "fd00::11", "fd00::12")
    assert made.checks == frozenset()


def test_a_network_load_balancer_has_a_frontend_for_each_port_and_family():
    ports = HTTP, ServicePort("dns", "UDP", 53), ServicePort("sig", "SCTP", 99)
    made = plan(
        service(
            ports=ports,
            cluster_ips=ips("fd00:96::1", "10.96.0.1"),
            session_affinity="ClientIP",
            load_balancer_source_ranges=ranges("10.0.0.0/8"),
        )
    )
    four, six = (
        NetworkFrontend(tuple(map(packed, nodes)), ranges("10.0.0.0/8"), by_client=True)
        for nodes in (("172.18.0.11", "172.18.0.12"), ("fd00::11", "fd00::12"))
    )
    ends = (6, 80), (17, 53), (132, 99)
    assert made.network == {
        **{(packed("172.18.255.1"), *end): four for end in ends},
        **{(packed("fd00::1"), *end): six for end in ends},
    }
    assert made.local_addresses == frozenset()


def test_only_healthy_nodes_that_are_not_excluded():
    nodes = (*NODES, node(3), node(4, labels={EXCLUDED_LABEL: ""}))
    made = plan(service(), nodes=nodes, sick=["172.18.0.11"])
    (frontend,) = made.network.values()
    assert frontend.targets == (packed("172.18.0.12"), packed("172.18.0.13"))
    assert Check(ip_address("172.18.0.11"), 10256) in made.checks
    assert ip_address("172.18.0.14") not in {check.address for check in made.checks}


@pytest.mark.parametrize(("policy", "expected"), [("Local", ["2"]), ("Cluster", ["1", "2"])])
def test_local_traffic_is_for_nodes_with_pods(policy, expected):
    made = plan(
        service(external_traffic_policy=policy, health_check_node_port=32000),
        sick=["172.18.0.11:32000"],
    )
    (frontend,) = made.network.values()
    assert frontend.targets == tuple(packed(f"172.18.0.1{number}") for number in expected)
    assert (Check(ip_address("172.18.0.12"), 32000) in made.checks) is (policy == "Local")


def test_an_application_load_balancer_listens_and_goes_to_node_ports():
    made = plan(service(kind="application", load_balancer_source_ranges=ranges("10.0.0.0/8")))
    assert not made.network
    assert made.local_addresses == {VIP}
    group = made.application[VIP, 80]("any", "/")
    assert targets(group) == ["172.18.0.11:30080", "172.18.0.12:30080"]
    assert group.sources == ranges("10.0.0.0/8")


def test_who_has_no_address_is_not_planned_for():
    made = plan(service(kind="nonsense"), service("other", requested="10.9.9.9"))
    assert not made.network
    assert not made.application


def by_rules(*services, backend=None, nodes=NODES, sick=(), paths=()):
    site = ingress(paths=paths, default=backend)
    made = plan(*services, ingresses=[site], nodes=nodes, sick=sick)
    return made.application[VIP, 80]


def test_ingresses_share_one_address_of_each_family():
    made = plan(
        service(type="NodePort"),
        ingresses=[ingress(paths=[rule("h", "/", "web")]), ingress("two", class_name="other")],
    )
    assert set(made.application) == {(VIP, 80), (ip_address("fd00::1"), 80)}
    assert targets(made.application[VIP, 80]("h", "/x"))[0] == "172.18.0.11:30080"
    six = made.application[ip_address("fd00::1"), 80]("h", "/")
    assert targets(six) == ["[fd00::11]:30080", "[fd00::12]:30080"]
    assert made.application[VIP, 80]("other", "/") is None


@pytest.mark.parametrize(
    ("backend", "found"),
    [
        (IngressBackend("web", port_number=80), True),
        (IngressBackend("web", port_name="http"), True),
        (IngressBackend("web", port_number=81), False),
        (IngressBackend("web", port_name="https"), False),
        (IngressBackend("absent", port_number=80), False),
    ],
)
def test_backends_by_name_or_number(backend, found):
    choose = by_rules(service(type="NodePort"), backend=backend)
    assert bool(targets(choose("h", "/"))) is found


CLUSTER_IP = {"type": "ClusterIP", "ports": (ServicePort("http", "TCP", 80),)}
WEB = IngressBackend("web", port_number=80)


def test_a_service_without_node_ports_is_reached_by_its_cluster_ip():
    both = service(**CLUSTER_IP, cluster_ips=ips("fd00:96::1", "10.96.0.1"))
    assert targets(by_rules(both, backend=WEB)("h", "/")) == ["[fd00:96::1]:80"]
    only_four = by_rules(both, backend=WEB, nodes=[node(1)])
    assert targets(only_four("h", "/")) == ["10.96.0.1:80"]
    assert targets(by_rules(both, backend=WEB, sick=_addresses())("h", "/")) == []
    headless = service(**CLUSTER_IP, cluster_ips=())
    assert targets(by_rules(headless, backend=WEB)("h", "/")) == []


def _addresses():
    return [str(ip) for each in NODES for ip in each.underlay_addresses]


@pytest.mark.parametrize(
    ("backend", "fields", "why"),
    [
        (IngressBackend("gone", port_number=80), {}, "Service default/gone not found"),
        (IngressBackend("web", port_number=81), {}, "Service default/web has no TCP port 81"),
        (IngressBackend("web", "x"), {}, "Service default/web has no TCP port x"),
        (WEB, {"headless": True, "cluster_ips": ()}, "it cannot be a backend"),
    ],
)
def test_why_a_backend_cannot_answer_is_said(backend, fields, why):
    group = by_rules(service(**{**CLUSTER_IP, **fields}), backend=backend)("h", "/")
    assert group.targets == ()
    assert why in group.why_empty
