"""Every component's metrics, scraped by a real HTTP client as Prometheus does."""

import json
import subprocess
from pathlib import Path

import pytest

from kubehop.local.commands import CLOUD_METRICS_PORT
from kubehop.local.spec import CLOUD_ADDRESS
from tests.support.kubectl import wait_until
from tests.support.local_cluster import local_cluster
from tests.support.prometheus import samples, value
from tests.support.shop import deploy_shop, pods_of, try_backend

pytestmark = [pytest.mark.netns, pytest.mark.kubectl]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with local_cluster("measured", tmp_path_factory.mktemp("cluster"), "--nodes", "2") as running:
        deploy_shop(running.kubectl)
        yield running


@pytest.fixture
def kubectl(cluster):
    return cluster.kubectl


def curl(netns: Path, url: str):
    """From inside a network namespace."""
    done = subprocess.run(
        ["nsenter", f"--net={netns}", "curl", "-sS", "--fail", "--max-time", "5", url],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return samples(done.stdout)


def netns_of(cluster, *words: str) -> Path:
    """Where the program that has these words side by side in its command line runs."""
    wanted = "\0".join(words).encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if wanted in command and cluster.name.encode() in command:
            return folder / "ns" / "net"
    raise AssertionError(f"nothing runs with {words}")


def of_node(kubectl, node: str):
    return samples(kubectl("get", "--raw", f"/api/v1/nodes/{node}/proxy/metrics"))


def test_a_node_on_loopback_at_its_address_and_through_the_api(cluster, kubectl):
    node = "measured-worker"
    inside = netns_of(cluster, "--node-name", node)
    address = next(
        entry["address"]
        for entry in kubectl.json("get", "node", node)["status"]["addresses"]
        if entry["type"] == "InternalIP"
    )
    for found in (
        curl(inside, "http://127.0.0.1:10249/metrics"),
        curl(netns_of(cluster, "--cluster-name", cluster.name), f"http://{address}:10249/metrics"),
        of_node(kubectl, node),
    ):
        assert value(found, "cilium_forward_count_total", direction="INGRESS") > 0
        assert value(found, "kubehop_node_ready") == 1
        assert value(found, "kubehop_pods") >= 1
        assert value(found, "kubehop_conntrack_entries_limit") == 131072
        assert value(found, "kubeproxy_sync_proxy_rules_duration_seconds_count") > 0
        assert value(found, "process_resident_memory_bytes") > 0


def test_requests_move_the_counters_and_most_take_the_kept_answer(cluster, kubectl):
    (frontend,) = pods_of(kubectl, "frontend").values()
    node = frontend["node"]
    before = of_node(kubectl, node)
    for _ in range(3):
        assert try_backend(kubectl).returncode == 0
    after = of_node(kubectl, node)

    def grew(name, **labels):
        return value(after, name, **labels) - before.get((name, tuple(sorted(labels.items()))), 0)

    assert grew("kubehop_packets_total", verdict="deliver") >= 12
    assert grew("cilium_forward_count_total", direction="INGRESS") >= 12
    assert grew("cilium_forward_bytes_total", direction="INGRESS") > 12 * 54
    everything = sum(
        grew("kubehop_packets_total", verdict=verdict)
        for verdict in ("deliver", "encap", "tohost", "drop", "reject", "reply")
    )
    assert 0 < grew("kubehop_decided_packets_total") < everything


def test_a_drop_has_its_reason(cluster, kubectl):
    (frontend,) = pods_of(kubectl, "frontend").values()
    try_backend(kubectl, "http://10.244.77.7")
    found = of_node(kubectl, frontend["node"])
    assert value(found, "cilium_drop_count_total", direction="EGRESS",
                 reason="FIB lookup failed") >= 1  # fmt: skip


def test_how_late_a_change_of_endpoints_is_on_the_nodes(cluster, kubectl):
    name = "kubeproxy_network_programming_duration_seconds"

    def counts():
        nodes = [item["metadata"]["name"] for item in kubectl.json("get", "nodes")["items"]]
        return [value(of_node(kubectl, node), f"{name}_count") for node in nodes]

    before = counts()
    kubectl("scale", "deployment/backend", "--replicas=3")
    wait_until(
        lambda: all(now > then for now, then in zip(counts(), before, strict=True)),
        "every node tells of the new endpoint",
    )
    assert value(of_node(kubectl, "measured-worker"), f"{name}_bucket", le="10.0") > 0


def test_the_control_plane(kubectl):
    kubectl("get", "pods")
    found = samples(kubectl("get", "--raw", "/metrics"))
    listed = {
        "verb": "LIST", "group": "", "version": "v1", "resource": "pods", "subresource": "",
        "scope": "namespace", "component": "apiserver",
    }  # fmt: skip
    assert value(found, "apiserver_request_total", **listed, code="200", dry_run="") >= 1
    assert value(found, "apiserver_request_duration_seconds_count", **listed) >= 1
    assert value(found, "workqueue_adds_total", name="endpointslice") > 0
    assert value(found, "workqueue_work_duration_seconds_count", name="scheduler") > 0
    assert value(found, "kubehop_store_revision") > 0


def test_dns_at_the_port_where_prometheus_looks(cluster, kubectl):
    assert try_backend(kubectl).returncode == 0
    (dns,) = kubectl.json("get", "endpoints", "-n", "kube-system", "kube-dns")["subsets"]
    (address,) = dns["addresses"]
    assert {"name": "metrics", "protocol": "TCP", "port": 9153} in dns["ports"]
    inside = netns_of(cluster, "--cluster-name", cluster.name)
    found = curl(inside, f"http://{address['ip']}:9153/metrics")
    asked = {"server": "dns://:53", "zone": ".", "view": "", "proto": "udp", "family": "1"}
    assert value(found, "coredns_dns_requests_total", **asked, type="A") >= 1
    by_service = "http://10.96.0.10:9153/metrics"
    body = kubectl("exec", "deploy/frontend", "--", "kubehop-http-get", by_service)
    assert "coredns_dns_request_duration_seconds_bucket" in body


def test_the_clouds_balancers(cluster):
    found = curl(
        netns_of(cluster, "--cluster-name", cluster.name),
        f"http://{CLOUD_ADDRESS}:{CLOUD_METRICS_PORT}/metrics",
    )
    assert value(found, "kubehop_lb_frontends") >= 1
    assert value(found, "kubehop_lb_checks_healthy") >= 1


def test_a_denial_has_its_direction_and_protocol(cluster, kubectl):
    (frontend,) = pods_of(kubectl, "frontend").values()
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "no-way-out"},
        "spec": {"podSelector": {"matchLabels": {"app": "frontend"}}, "policyTypes": ["Egress"]},
    }
    kubectl.apply(json.dumps(policy))
    try:
        wait_until(
            lambda: try_backend(kubectl, "http://10.244.77.7").returncode, "the policy holds"
        )
        found = of_node(kubectl, frontend["node"])
        reason = {"reason": "Policy denied"}
        assert value(found, "cilium_drop_count_total", direction="EGRESS", **reason) >= 1
        assert value(found, "hubble_drop_total", reason="POLICY_DENIED", protocol="TCP") >= 1
    finally:
        kubectl("delete", "networkpolicy", "no-way-out")
