"""The names of chains, against ones that real clusters have."""

from dataclasses import replace

import pytest

from netcore.model.address import packed
from netcore.model.service import ServicePort
from netcore.service.frontend import Backend, compile_frontends
from netcore.service.listings.chain_names import (
    iptables_chain,
    iptables_endpoint_chain,
    nftables_chain,
    nftables_endpoint_chain,
)
from netcore.service.listings.service_ports import ServicePortRules, service_ports
from netcore.service.topology import Place
from tests.support.cluster import service

HTTPS = ServicePort("https", "TCP", 443)
P80 = ServicePort("p80", "TCP", 80)


def rules_of(namespace: str, name: str, port: ServicePort) -> ServicePortRules:
    subject = replace(service(name, 10), namespace=namespace, ports=(port,))
    return next(service_ports(compile_frontends(subject, (), Place("node1"))))


@pytest.mark.parametrize(
    ("namespace", "name", "port", "chain"),
    [
        ("default", "kubernetes", HTTPS, "KUBE-SVC-NPX46M4PTMTKRN6Y"),
        ("kube-system", "kube-dns", ServicePort("dns", "UDP", 53), "KUBE-SVC-TCOU7JCQXEZGVUNU"),
        (
            "kube-system",
            "kube-dns",
            ServicePort("dns-tcp", "TCP", 53),
            "KUBE-SVC-ERIFXISQEP7F7OF4",
        ),
        (
            "kube-system",
            "kube-dns",
            ServicePort("metrics", "TCP", 9153),
            "KUBE-SVC-JD5MR3NA4I4DYORP",
        ),
        ("ns1", "svc1", P80, "KUBE-SVC-XPGD46QRK7WJZT7O"),
    ],
)
def test_chains_of_services_that_every_kubeadm_cluster_has(namespace, name, port, chain):
    assert iptables_chain("SVC", rules_of(namespace, name, port)) == chain


def test_endpoints_of_kube_proxys_own_examples():
    rules, backend = rules_of("ns1", "svc1", P80), Backend(packed("10.180.0.1"), 80)
    assert iptables_endpoint_chain(rules, backend) == "KUBE-SEP-SXIVWICOYRO3J4NJ"
    assert nftables_chain("service", rules) == "service-ULMVA6XW-ns1/svc1/tcp/p80"
    found = nftables_endpoint_chain("endpoint", rules, backend)
    assert found == "endpoint-5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80"


def test_a_chain_name_has_no_colons():
    backend = Backend(packed("fd00::5"), 80)
    found = nftables_endpoint_chain("endpoint", rules_of("ns1", "svc1", P80), backend)
    assert found.endswith("-ns1/svc1/tcp/p80__fd00..5/80")
