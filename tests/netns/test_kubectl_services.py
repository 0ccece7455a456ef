"""What the real kubectl shows of Services that it has made itself."""

import re

import pytest

from tests.support.kubectl import wait_until
from tests.support.local_cluster import local_cluster
from tests.support.shop import pods_of, ready_endpoints

pytestmark = [pytest.mark.netns, pytest.mark.kubectl]


@pytest.fixture(scope="module")
def kubectl(tmp_path_factory):
    with local_cluster("shown", tmp_path_factory.mktemp("shown")) as running:
        kubectl = running.kubectl
        kubectl("create", "deployment", "web", "--image=nginx", "--replicas=2", "--port=80")
        kubectl("rollout", "status", "deployment/web", "--timeout=60s")
        yield kubectl


def exposed(kubectl, name, *options):
    kubectl("expose", "deployment/web", f"--name={name}", *options)
    wait_until(lambda: len(ready_endpoints(kubectl, name)) == 2, f"{name} has its endpoints")
    return kubectl.json("get", "service", name)


def table(text):
    return [re.split(r" {2,}", line.strip()) for line in text.splitlines()]


def test_expose_makes_what_it_makes_elsewhere(kubectl):
    made = exposed(kubectl, "plain")
    spec = made["spec"]
    assert spec["selector"] == {"app": "web"}
    assert spec["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80}]
    assert (spec["type"], spec["sessionAffinity"]) == ("ClusterIP", "None")
    assert (spec["ipFamilies"], spec["ipFamilyPolicy"]) == (["IPv4"], "SingleStack")
    assert spec["internalTrafficPolicy"] == "Cluster"
    assert made["metadata"]["labels"] == {"app": "web"}


def test_get_and_describe_a_node_port(kubectl):
    made = exposed(kubectl, "outer", "--type=NodePort", "--port=8080", "--target-port=80")
    node_port = made["spec"]["ports"][0]["nodePort"]
    address = made["spec"]["clusterIP"]
    head, row = table(kubectl("get", "service", "outer", "-o", "wide"))
    assert head == ["NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE", "SELECTOR"]
    assert row[:5] == ["outer", "NodePort", address, "<none>", f"8080:{node_port}/TCP"]
    described = dict(
        re.split(r": +", line, maxsplit=1)
        for line in kubectl("describe", "service", "outer").splitlines()
        if re.search(r": +\S", line)
    )
    ips = sorted(place["ip"] for place in pods_of(kubectl, "web").values())
    assert described["Type"] == "NodePort"
    assert described["IP Families"] == "IPv4"
    assert described["IPs"] == address
    assert described["Port"] == "<unset>  8080/TCP"
    assert described["TargetPort"] == "80/TCP"
    assert described["NodePort"] == f"<unset>  {node_port}/TCP"
    assert sorted(described["Endpoints"].split(",")) == [f"{ip}:80" for ip in ips]
    assert described["External Traffic Policy"] == "Cluster"
    assert described["Internal Traffic Policy"] == "Cluster"
    assert described["Session Affinity"] == "None"
    assert described["Events"] == "<none>"


def test_get_endpoint_slices(kubectl):
    exposed(kubectl, "sliced", "--port=80")
    selector = ("-l", "kubernetes.io/service-name=sliced")
    head, row = table(kubectl("get", "endpointslices", *selector))
    assert head == ["NAME", "ADDRESSTYPE", "PORTS", "ENDPOINTS", "AGE"]
    assert re.fullmatch(r"sliced-[a-z0-9]{5}", row[0])
    assert row[1:3] == ["IPv4", "80"]
    ips = {place["ip"] for place in pods_of(kubectl, "web").values()}
    assert set(row[3].split(",")) == ips
    described = kubectl("describe", "endpointslices", *selector)
    assert "AddressType:  IPv4" in described
    assert described.count("Ready:    true") == 2
    assert "endpointslice.kubernetes.io/managed-by=endpointslice-controller.k8s.io" in described


def test_describe_a_load_balancer(kubectl):
    exposed(kubectl, "front", "--type=LoadBalancer", "--port=80")
    wait_until(
        lambda: kubectl.json("get", "service", "front")["status"]["loadBalancer"], "it has one"
    )
    described = kubectl("describe", "service", "front")
    assert re.search(r"LoadBalancer Ingress: +172\.18\.255\.\d+ \(VIP\)", described)
    assert "EnsuredLoadBalancer" in described
    _, row = table(kubectl("get", "service", "front"))
    assert row[3].startswith("172.18.255.")


def test_headless_and_external_names(kubectl):
    exposed(kubectl, "each", "--cluster-ip=None", "--port=80")
    _, row = table(kubectl("get", "service", "each"))
    assert row[1:5] == ["ClusterIP", "None", "<none>", "80/TCP"]
    kubectl("create", "service", "externalname", "away", "--external-name=example.com")
    _, row = table(kubectl("get", "service", "away"))
    assert row[1:5] == ["ExternalName", "<none>", "example.com", "<none>"]
