"""A whole cluster without Docker: kubectl, pods, Services, DNS and every packet are real."""

import hashlib
import json
import time

import pytest

from tests.support.kubectl import wait_until
from tests.support.local_cluster import local_cluster
from tests.support.shop import (
    check_shop,
    deploy_shop,
    get_backend,
    pods_of,
    ready_endpoints,
    try_backend,
)

pytestmark = [pytest.mark.netns, pytest.mark.kubectl]

_MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cluster")
    with local_cluster("scenario", folder) as running:
        deploy_shop(running.kubectl)
        yield running


@pytest.fixture
def kubectl(cluster):
    return cluster.kubectl


def test_three_nodes_are_ready(kubectl):
    nodes = kubectl.json("get", "nodes")["items"]
    ready = [
        condition["status"]
        for node in nodes
        for condition in node["status"].get("conditions", ())
        if condition["type"] == "Ready"
    ]
    assert ready == ["True"] * 3


def test_nodes_tell_what_their_datapath_can_do(kubectl):
    for node in kubectl.json("get", "nodes")["items"]:
        words = node["metadata"]["annotations"]["kubehop.dev/capabilities"].split(",")
        assert {"userspace", "vxlan", "ipv4", "clusterip"} <= set(words)


def test_http_by_name_cluster_ip_and_pod_ip_with_round_robin(kubectl):
    check_shop(kubectl)


def test_dns_answers_as_pods_ask(kubectl):
    def ask(name):
        return kubectl.run("exec", "deploy/frontend", "--", "getent", "ahostsv4", name)

    service_ip = kubectl.json("get", "service", "backend")["spec"]["clusterIP"]
    for name in ("backend", "backend.default", "backend.default.svc.cluster.local"):
        assert service_ip in ask(name).stdout
    assert ask("nobody.default").returncode != 0


def test_source_address_is_kept_between_pods(kubectl):
    frontend = next(iter(pods_of(kubectl, "frontend").values()))
    for place in pods_of(kubectl, "backend").values():
        body = kubectl("exec", "deploy/frontend", "--", "kubehop-http-get", f"http://{place['ip']}")
        assert f"RemoteAddr: {frontend['ip']}:" in body


def test_containers_of_a_pod_share_localhost(kubectl):
    kubectl.apply(_pod("pair", [
        {"name": "web", "image": "nginx"},
        {"name": "side", "image": "busybox", "command": ["sleep", "600"]},
    ]))  # fmt: skip
    kubectl("wait", "--for=condition=Ready", "pod/pair", "--timeout=30s")
    body = kubectl("exec", "pair", "-c", "side", "--", "kubehop-http-get", "http://127.0.0.1")
    assert "nginx" in body
    kubectl("delete", "pod", "pair", "--grace-period=0", "--force")


def test_a_backend_that_goes_unready_leaves_rotation_within_a_second(kubectl):
    kubectl("scale", "deployment/backend", "--replicas=3")
    kubectl("rollout", "status", "deployment/backend", "--timeout=30s")
    wait_until(lambda: len(ready_endpoints(kubectl, "backend")) == 3, "three backends serve")
    gone, place = next(iter(pods_of(kubectl, "backend").items()))
    kubectl("delete", "pod", gone, "--wait=false")
    started = time.monotonic()
    wait_until(lambda: place["ip"] not in ready_endpoints(kubectl, "backend"), "endpoint leaves")
    left_after_s = time.monotonic() - started
    answers = {get_backend(kubectl) for _ in range(6)}
    assert gone not in answers
    assert left_after_s < 10, "the promise is one second; ten is for a machine under load"
    kubectl("scale", "deployment/backend", "--replicas=2")
    kubectl("rollout", "status", "deployment/backend", "--timeout=30s")
    wait_until(lambda: len(ready_endpoints(kubectl, "backend")) == 2, "two backends serve")


def test_a_service_without_endpoints_refuses_at_once(kubectl):
    kubectl("create", "service", "clusterip", "nobody", "--tcp=80:80")
    failed = try_backend(kubectl, "http://nobody")
    assert failed.returncode != 0
    assert "REFUSED" in failed.stderr
    kubectl("delete", "service", "nobody")


def test_a_hundred_megabytes_arrive_unchanged(kubectl):
    kubectl.apply(_pod("store", [
        {"name": "web", "image": "nginx", "command": ["python3", "-m", "http.server", "80"],
         "workingDir": "/srv", "volumeMounts": [{"name": "data", "mountPath": "/srv"}]},
    ], volumes=[{"name": "data", "emptyDir": {}}]))  # fmt: skip
    kubectl("wait", "--for=condition=Ready", "pod/store", "--timeout=30s")
    make = (
        "import random; r = random.Random(7); f = open('/srv/big', 'wb');"
        f"[f.write(r.randbytes({_MEGABYTE})) for _ in range(100)]"
    )
    kubectl("exec", "store", "--", "python3", "-c", make)
    expected = kubectl("exec", "store", "--", "sha256sum", "/srv/big").split()[0]
    ip = kubectl.json("get", "pod", "store")["status"]["podIP"]
    fetch = (
        f"import hashlib, urllib.request as u; d = u.urlopen('http://{ip}/big', timeout=50);"
        "h = hashlib.sha256(); [h.update(b) for b in iter(lambda: d.read(65536), b'')];"
        "print(h.hexdigest())"
    )
    assert kubectl("exec", "deploy/frontend", "--", "python3", "-c", fetch).strip() == expected
    assert len(expected) == len(hashlib.sha256().hexdigest())
    kubectl("delete", "pod", "store", "--grace-period=0", "--force")


def test_trace_tells_every_hop_of_a_request(cluster):
    found = cluster.run("trace", "deploy/frontend", "http://backend", "-o", "json")
    assert found.returncode == 0, found.stderr
    lines = [json.loads(line) for line in found.stdout.splitlines()]
    packets = [line for line in lines if line["type"] == "packet"]
    stages = {hop["stage"] for packet in packets for hop in packet["hops"]}
    assert {"anti-spoof", "service", "conntrack", "route", "deliver"} <= stages
    assert any(":53" in packet["summary"] for packet in packets)
    assert lines[-1]["type"] == "result"
    assert lines[-1]["exitCode"] == 0


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "x"}, "spec": {}},
         "spec.containers: Required value"),
        ({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "x"},
          "spec": {"containers": [{"name": "a", "image": "b", "imagge": "c"}]}},
         'unknown field "spec.containers[0].imagge"'),
        ({"kind": "Service", "apiVersion": "v1", "metadata": {"name": "x"},
          "spec": {"ports": [{"port": 70000}]}},
         "spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive"),
    ],
)  # fmt: skip
def test_bad_manifests_get_one_message_and_change_nothing(kubectl, manifest, message):
    kind = manifest["kind"].lower()
    refused = kubectl.run("create", "-f", "-", stdin=json.dumps(manifest))
    assert refused.returncode == 1
    assert message in refused.stderr
    assert kubectl.run("get", kind, "x").returncode == 1


def test_an_unknown_image_says_what_to_do(kubectl):
    kubectl.apply(_pod("unknown", [{"name": "a", "image": "mystery/box:1"}]))

    def waiting():
        statuses = kubectl.json("get", "pod", "unknown")["status"].get("containerStatuses") or [{}]
        return statuses[0].get("state", {}).get("waiting", {}).get("reason", "")

    wait_until(lambda: waiting() in ("ErrImagePull", "ImagePullBackOff"), "the image is refused")
    assert "command" in kubectl("describe", "pod", "unknown")
    kubectl("delete", "pod", "unknown", "--grace-period=0", "--force")


def test_namespaces_are_emptied_before_they_go(kubectl):
    kubectl("create", "namespace", "short")
    kubectl("create", "configmap", "settings", "--from-literal=a=b", "-n", "short")
    kubectl("create", "deployment", "web", "--image=nginx", "-n", "short")
    kubectl("rollout", "status", "deployment/web", "-n", "short", "--timeout=30s")
    kubectl("delete", "namespace", "short", "--timeout=50s")
    assert kubectl.json("get", "pods", "-n", "short")["items"] == []
    assert kubectl.run("get", "namespace", "short").returncode == 1


def _pod(name, containers, **spec):
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name},
            "spec": {"containers": containers, **spec},
        }
    )
