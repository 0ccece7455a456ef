from datetime import UTC, datetime

import pytest

from controlplane.api.tables import network

NOW = datetime(2030, 1, 1, 1, 0, 0, tzinfo=UTC)
META = {"name": "x", "creationTimestamp": "2030-01-01T00:59:00Z"}


def cells(printer, **fields):
    return printer.cells({"metadata": META, **fields}, NOW)


PORTS = [{"port": 80, "protocol": "TCP", "nodePort": 30080}, {"port": 53, "protocol": "UDP"}]


@pytest.mark.parametrize(
    ("spec", "status", "shown"),
    [
        (
            {"type": "NodePort", "clusterIPs": ["10.96.0.5"], "ports": PORTS,
             "selector": {"b": "2", "a": "1"}},
            {},
            ["NodePort", "10.96.0.5", "<none>", "80:30080/TCP,53/UDP", "60s", "a=1,b=2"],
        ),
        (
            {"type": "ClusterIP", "clusterIP": "None", "externalIPs": ["1.1.1.1"]},
            {},
            ["ClusterIP", "None", "1.1.1.1", "<none>", "60s", "<none>"],
        ),
        (
            {"type": "LoadBalancer", "clusterIP": "10.96.0.6"},
            {},
            ["LoadBalancer", "10.96.0.6", "<pending>", "<none>", "60s", "<none>"],
        ),
        (
            {"type": "LoadBalancer", "clusterIP": "10.96.0.6"},
            {"loadBalancer": {"ingress": [{"ip": "9.9.9.9"}, {"hostname": "h"}]}},
            ["LoadBalancer", "10.96.0.6", "9.9.9.9,h", "<none>", "60s", "<none>"],
        ),
        (
            {"type": "ExternalName", "externalName": "example.org"},
            {},
            ["ExternalName", "<none>", "example.org", "<none>", "60s", "<none>"],
        ),
    ],
)  # fmt: skip
def test_service(spec, status, shown):
    assert cells(network.SERVICE, spec=spec, status=status) == ["x", *shown]


def test_endpoints():
    addresses = [{"ip": f"10.0.0.{index}"} for index in range(5)]
    subset = {"addresses": addresses, "ports": [{"port": 80}]}
    shown = "10.0.0.0:80,10.0.0.1:80,10.0.0.2:80 + 2 more..."
    assert cells(network.ENDPOINTS, subsets=[subset]) == ["x", shown, "60s"]
    assert cells(network.ENDPOINTS) == ["x", "<none>", "60s"]
    six = {"addresses": [{"ip": "fd00::1"}], "ports": [{"port": 80}]}
    assert cells(network.ENDPOINTS, subsets=[six])[1] == "[fd00::1]:80"
    assert cells(network.ENDPOINTS, subsets=[{"addresses": addresses[:1]}])[1] == "10.0.0.0"


def test_endpoint_slice():
    endpoints = [{"addresses": [f"10.0.0.{index}"]} for index in range(4)]
    ports = [{"port": 80}, {}]
    assert cells(network.ENDPOINT_SLICE, addressType="IPv4", endpoints=endpoints, ports=ports) == [
        "x", "IPv4", "80,*", "10.0.0.0,10.0.0.1,10.0.0.2 + 1 more...", "60s",
    ]  # fmt: skip
    empty = ["x", "IPv4", "<unset>", "<unset>", "60s"]
    assert cells(network.ENDPOINT_SLICE, addressType="IPv4", ports=None) == empty


def test_ingress_and_class():
    spec = {"ingressClassName": "c", "rules": [{"host": "a.b"}, {}], "tls": [{}]}
    assert cells(network.INGRESS, spec=spec) == ["x", "c", "a.b", "", "80, 443", "60s"]
    assert cells(network.INGRESS, spec={}) == ["x", "<none>", "*", "", "80", "60s"]
    parameters = {"apiGroup": "g", "kind": "K", "name": "n"}
    spec = {"controller": "ctl", "parameters": parameters}
    assert cells(network.INGRESS_CLASS, spec=spec) == ["x", "ctl", "K.g/n", "60s"]


def test_network_policy():
    rules = [
        {"key": "b", "operator": "In", "values": ["2", "1"]},
        {"key": "c", "operator": "Exists"},
        {"key": "d", "operator": "DoesNotExist"},
        {"key": "e", "operator": "NotIn", "values": ["1"]},
    ]
    chosen = {"matchLabels": {"a": "1"}, "matchExpressions": rules}
    shown = cells(network.NETWORK_POLICY, spec={"podSelector": chosen})[1]
    assert shown == "a=1,b in (1,2),c,!d,e notin (1)"
    assert cells(network.NETWORK_POLICY, spec={"podSelector": {}})[1] == "<none>"
