"""Each trap is found, and what is well written is left alone."""

import pytest

from kubehop.policy.lint import lint
from kubehop.policy.world import read_world
from tests.unit.kubehop.policy.clusters import FakeApi, namespace, node, pod, policy

DNS = {"ports": [{"port": 53, "protocol": "UDP"}]}
SERVICE = {
    "metadata": {"namespace": "default", "name": "web", "uid": "w"},
    "spec": {
        "clusterIPs": ["10.96.0.5"],
        "selector": {"app": "web"},
        "ports": [{"port": 80, "targetPort": 8080}, {"port": 81, "targetPort": "http"}],
    },
}


def complaints(*policies, settings=None):
    policies = list(policies)
    world = read_world(
        FakeApi(
            settings,
            pods=[pod("web", "10.244.1.2", app="web", ports=(("http", 8080),))],
            namespaces=[namespace("default")],
            nodes=[node("n1", "172.18.0.11")],
            networkpolicies=policies,
            services=[SERVICE],
        )
    )
    return [str(each) for each in lint(world, policies)]


def ingress(**rule):
    return {"policyTypes": ["Ingress"], "ingress": [rule]}


def egress(*rules):
    return {"policyTypes": ["Egress"], "egress": list(rules)}


TEAM = {"matchLabels": {"team": "a"}}
APP = {"matchLabels": {"app": "web"}}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (
            {"podSelector": {"matchLabels": {"app": "wbe"}}},
            'default/web: podSelector: no pod in namespace "default" has app=wbe',
        ),
        (
            {"policyTypes": ["Ingress"], "egress": []},
            "default/web: egress: it does not isolate: policyTypes has to name Egress",
        ),
        (
            {"policyTypes": ["Ingress"], "egress": [DNS]},
            "default/web: egress: its rules have no effect: policyTypes lacks Egress",
        ),
        (
            ingress(**{"from": [{"namespaceSelector": TEAM}, {"podSelector": APP}]}),
            "ingress[0].from[0] and [1]: this is ALL pods of namespaces team=a OR pods app=web",
        ),
        (
            egress(DNS, {"to": [{"ipBlock": {"cidr": "10.96.0.5/32"}}]}),
            "egress[1]: ipBlock 10.96.0.5/32 has the address of Service default/web",
        ),
        (
            ingress(ports=[{"port": 80}]),
            "ingress[0]: port 80 is that of Service default/web: its pods listen on 8080",
        ),
        (
            ingress(ports=[{"port": "htpp"}]),
            'ingress[0]: no selected pod has a port with the name "htpp"',
        ),
        (
            egress(DNS, {"to": [{"podSelector": APP}], "ports": [{"port": 80}]}),
            "egress[1]: port 80 is that of Service default/web: its pods listen on 8080",
        ),
        (
            ingress(ports=[{"port": 81}]),
            "ingress[0]: port 81 is that of Service default/web: its pods listen on 8080",
        ),
        (
            ingress(ports=[{"port": "http", "protocol": "UDP"}]),
            'ingress[0]: port "http" is TCP in the pods, not UDP',
        ),
        (
            egress({"ports": [{"port": 443}]}),
            "egress: the selected pods cannot ask for names",
        ),
    ],
)
def test_a_trap_is_found(spec, said):
    (found,) = complaints(policy(**spec))
    assert said in found


@pytest.mark.parametrize(
    "spec",
    [
        ingress(**{"from": [{"namespaceSelector": TEAM, "podSelector": APP}]}),
        ingress(**{"from": [{"podSelector": APP}, {"namespaceSelector": TEAM}]}),
        ingress(ports=[{"port": "http"}, {"port": 8080}]),
        egress({}),
        egress(DNS, {"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}),
        {"ingress": []},
    ],
)
def test_what_is_well_written_is_left_alone(spec):
    assert complaints(policy(**spec)) == []


def test_before_dnat_a_block_with_a_cluster_ip_is_right():
    before = {"cni": "kubehop", "policy": "ip-blocks=before-dnat"}
    spec = egress(DNS, {"to": [{"ipBlock": {"cidr": "10.96.0.5/32"}}]})
    assert complaints(policy(**spec), settings=before) == []


def test_another_policy_may_let_dns_out():
    assert complaints(policy("one", **egress()), policy("two", **egress(DNS))) == []
