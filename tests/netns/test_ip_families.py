"""Dual-stack and IPv6 clusters: pods, Services, node ports, DNS and ICMPv6 over IPv6."""

import http.client
import json
from collections import Counter
from contextlib import closing
from ipaddress import ip_address, ip_network

import pytest
import yaml

from nodeagent.edges.netns import run_in_netns
from tests.support.kubectl import wait_until
from tests.support.local_cluster import local_cluster
from tests.support.shop import ready_endpoints

pytestmark = [pytest.mark.netns, pytest.mark.kubectl]

HOST_ADDRESSES = ("172.18.0.1", "fc00:f853:ccd:e793::1")
CONTROL_PLANE = "fc00:f853:ccd:e793::2"
PODS, SERVICES = ip_network("fd00:10:244::/56"), ip_network("fd00:10:96::/112")
NODE_PORT = 30080
_CURL_COULD_NOT_CONNECT = 7
IMAGE = "registry.k8s.io/e2e-test-images/agnhost:2.53"


def manifests():
    server = {
        "name": "web",
        "image": IMAGE,
        "args": ["netexec", "--http-port=8080"],
        "readinessProbe": {"httpGet": {"port": 8080}, "periodSeconds": 1},
    }
    fields = [
        {"name": name, "valueFrom": {"fieldRef": {"fieldPath": f"status.{name}"}}}
        for name in ("podIPs", "hostIPs")
    ]
    client = {"name": "c", "image": "curl", "command": ["sleep", "3600"], "env": fields}
    yield {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [server]}},
        },
    }
    for name, extra in (
        ("web", {"type": "NodePort", "selector": {"app": "web"}}),
        ("each", {"clusterIP": "None", "selector": {"app": "web"}}),
        ("nobody", {"selector": {"app": "nobody"}}),
    ):
        port = {"port": 80, "targetPort": 8080}
        if name == "web":
            port["nodePort"] = NODE_PORT
        yield {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name},
            "spec": {"ipFamilyPolicy": "PreferDualStack", "ports": [port], **extra},
        }
    yield {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "client"},
        "spec": {"containers": [client]},
    }


@pytest.fixture(scope="module", params=["ipv6", "dual"])
def cluster(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    config = folder / "kind.yaml"
    config.write_text(
        yaml.safe_dump(
            {
                "kind": "Cluster",
                "apiVersion": "kind.x-k8s.io/v1alpha4",
                "networking": {"ipFamily": request.param},
                "nodes": [{"role": "control-plane"}, {"role": "worker"}, {"role": "worker"}],
            }
        )
    )
    with local_cluster(f"families-{request.param}", folder, "--config", str(config)) as running:
        running.family = request.param
        kubectl = running.kubectl
        kubectl.apply(yaml.safe_dump_all(manifests()))
        kubectl("rollout", "status", "deployment/web", "--timeout=60s")
        kubectl("wait", "--for=condition=Ready", "pod/client", "--timeout=60s")
        expected = 2 if running.family == "ipv6" else 4
        wait_until(lambda: len(ready_endpoints(kubectl, "web")) == expected, "both pods serve")
        yield running


@pytest.fixture
def kubectl(cluster):
    return cluster.kubectl


def inside(kubectl, *command):
    return kubectl("exec", "client", "--", *command)


def get(kubectl, host, path="/hostname"):
    literal = f"[{host}]" if ":" in host else host
    return inside(kubectl, "curl", "-sSg", "-m", "10", f"http://{literal}{path}")


def ipv6_of(addresses):
    return next(text for text in addresses if ip_address(text).version == 6)


def pod_ips(pod):
    return [entry["ip"] for entry in pod["status"]["podIPs"]]


def web_pods(kubectl):
    items = kubectl.json("get", "pods", "-l", "app=web")["items"]
    return {item["metadata"]["name"]: ipv6_of(pod_ips(item)) for item in items}


def cluster_ip(kubectl, name):
    return ipv6_of(kubectl.json("get", "service", name)["spec"]["clusterIPs"])


def node_ips(kubectl):
    """The InternalIPs of each node, in their order."""
    return [
        [a["address"] for a in node["status"]["addresses"] if a["type"] == "InternalIP"]
        for node in kubectl.json("get", "nodes")["items"]
    ]


def test_everything_has_the_addresses_of_the_cluster_s_families(cluster, kubectl):
    versions = {"ipv6": [6], "dual": [4, 6]}[cluster.family]

    def versions_of(texts):
        return [ip_address(text).version for text in texts]

    assert all(versions_of(ips) == versions for ips in node_ips(kubectl))
    pods = kubectl.json("get", "pods")["items"]
    for pod in pods:
        assert versions_of(pod_ips(pod)) == versions
        assert versions_of(entry["ip"] for entry in pod["status"]["hostIPs"]) == versions
        assert ip_address(ipv6_of(pod_ips(pod))) in PODS
    for node in kubectl.json("get", "nodes")["items"]:
        assert [ip_network(cidr).version for cidr in node["spec"]["podCIDRs"]] == versions
    for name, namespace in (("web", "default"), ("kube-dns", "kube-system")):
        spec = kubectl.json("get", "service", name, "-n", namespace)["spec"]
        assert versions_of(spec["clusterIPs"]) == versions
        assert ip_address(ipv6_of(spec["clusterIPs"])) in SERVICES
    types = {item["addressType"] for item in kubectl.json("get", "endpointslices")["items"]}
    assert types == {f"IPv{version}" for version in versions}


def test_a_pod_knows_its_addresses(kubectl):
    pod = kubectl.json("get", "pod", "client")
    hosts = inside(kubectl, "cat", "/etc/hosts")
    for ip in pod_ips(pod):
        assert f"{ip}\tclient" in hosts
    assert inside(kubectl, "printenv", "podIPs").strip() == ",".join(pod_ips(pod))
    dns = kubectl.json("get", "service", "kube-dns", "-n", "kube-system")["spec"]["clusterIPs"]
    resolv = inside(kubectl, "cat", "/etc/resolv.conf").splitlines()
    assert [line.split()[1] for line in resolv if line.startswith("nameserver")] == dns


def test_pods_reach_each_other_across_nodes(kubectl):
    for name, ip in web_pods(kubectl).items():
        body = inside(kubectl, "curl", "-sSg", "-m", "10", f"http://[{ip}]:8080/hostname")
        assert body == name
        assert " 0% packet loss" in inside(kubectl, "ping", "-n", "-c", "1", "-W", "5", ip)


def test_a_cluster_ip_balances_and_keeps_the_source(kubectl):
    address = cluster_ip(kubectl, "web")
    answers = Counter(get(kubectl, address) for _ in range(4))
    assert set(answers) == set(web_pods(kubectl))
    source = ipv6_of(pod_ips(kubectl.json("get", "pod", "client")))
    assert get(kubectl, address, "/clientip").startswith(f"[{source}]:")


def test_a_service_without_endpoints_refuses_at_once(kubectl):
    failed = kubectl.run(
        *("exec", "client", "--", "curl", "-sSg", "-m", "10"),
        f"http://[{cluster_ip(kubectl, 'nobody')}]/",
    )
    assert failed.returncode == _CURL_COULD_NOT_CONNECT, failed.stderr


def test_node_ports_from_pods_and_from_outside(cluster, kubectl):
    elsewhere = f"/proc/{cluster.control_plane_pid()}/ns/net"

    def visit(address):
        connection = http.client.HTTPConnection(address, NODE_PORT, timeout=10)
        with closing(connection):
            connection.request("GET", "/hostname")
            source = connection.sock.getsockname()[0]
            return connection.getresponse().read().decode(), source

    for addresses in node_ips(kubectl):
        for address in addresses:
            literal = f"[{address}]" if ":" in address else address
            url = f"http://{literal}:{NODE_PORT}/hostname"
            assert inside(kubectl, "curl", "-sSg", "-m", "10", url) in web_pods(kubectl)
            outside, source = run_in_netns(elsewhere, lambda at=address: visit(at))
            assert outside in web_pods(kubectl)
            assert source in HOST_ADDRESSES


def test_dns_answers_over_ipv6(kubectl):
    def ask(*question):
        return inside(kubectl, "dig", "+short", f"@{server}", *question).split()

    server = cluster_ip_of_dns(kubectl)
    name = "web.default.svc.cluster.local"
    address = cluster_ip(kubectl, "web")
    assert ask("AAAA", name) == [address]
    assert ask("+tcp", "AAAA", name) == [address]
    assert ask("-x", address) == [f"{name}."]
    headless = set(ask("AAAA", "each.default.svc.cluster.local"))
    assert headless == set(web_pods(kubectl).values())


def cluster_ip_of_dns(kubectl):
    spec = kubectl.json("get", "service", "kube-dns", "-n", "kube-system")["spec"]
    return ipv6_of(spec["clusterIPs"])


def test_pods_reach_what_is_outside_and_icmpv6_comes_back(kubectl):
    assert " 0% packet loss" in inside(kubectl, "ping", "-n", "-c", "2", "-W", "5", CONTROL_PLANE)
    ask = (
        "import socket; s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.settimeout(10);"
        f"s.connect(('{CONTROL_PLANE}', 9)); s.send(b'?')\n"
        "try: s.recv(1)\n"
        "except ConnectionRefusedError: print('refused')"
    )
    assert inside(kubectl, "python3", "-c", ask).strip() == "refused"


def test_the_kubernetes_service_is_the_api(kubectl):
    body = inside(kubectl, "curl", "-sSk", "-m", "10", "https://kubernetes.default/version")
    assert json.loads(body)["major"] == "1"


def test_kubectl_shows_both_addresses(cluster, kubectl):
    spec = kubectl.json("get", "service", "web")["spec"]
    described = kubectl("describe", "service", "web")
    assert "IP Family Policy:" in described
    assert ",".join(spec["ipFamilies"]) in described.replace(", ", ",")
    assert ",".join(spec["clusterIPs"]) in described
    assert spec["clusterIPs"][0] in kubectl("get", "services", "-o", "wide")


def test_trace_tells_every_hop_over_ipv6(cluster, kubectl):
    far = f"http://[{cluster_ip(kubectl, 'web')}]/hostname"
    stages, summaries = set(), ""
    for _ in range(2):  # one of the two backends is on another node
        found = cluster.run("trace", "pod/client", far, "-o", "json")
        assert found.returncode == 0, found.stderr
        for line in map(json.loads, found.stdout.splitlines()):
            if line["type"] == "packet":
                stages |= {hop["stage"] for hop in line["hops"]}
                summaries += line["summary"]
    assert {"anti-spoof", "service", "conntrack", "route", "encap", "deliver"} <= stages
    assert "fd00:10:96" in summaries


@pytest.mark.parametrize("port", ["", ":8080", ":9/udp"])
def test_one_packet_is_traced_over_ipv6(cluster, kubectl, port):
    for found in kubectl.json("get", "pods", "-l", "app=web")["items"]:
        address = next(ip["ip"] for ip in found["status"]["podIPs"] if ":" in ip["ip"])
        target = f"[{address}]{port}"
        traced = cluster.run("trace", "pod/client", target)
        refused = port.endswith("udp")
        assert traced.returncode == (1 if refused else 0), traced.stdout + traced.stderr
        assert f"delivered to pod {found['metadata']['name']}" in traced.stdout
        assert "Reply: " in traced.stdout
        if port:
            assert f"-> [{address}]:{port[1:].partition('/')[0]}" in traced.stdout


def test_a_service_is_traced_over_the_senders_family(cluster):
    traced = cluster.run("trace", "pod/client", "svc/web", "-o", "json")
    found = json.loads(traced.stdout)
    assert (traced.returncode, found["outcome"]) == (0, "Delivered"), found["reason"]
    rejected = cluster.run("trace", "pod/client", "svc/nobody", "-o", "json")
    assert json.loads(rejected.stdout)["outcome"] == "Rejected"
    assert rejected.returncode == 1
