"""The same cluster as containers, on a real engine, driven by the real kubectl."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import load_balancers
from tests.support.kubectl import Kubectl, wait_until
from tests.support.nginx import MODES, check_nginx, nginx_deployed
from tests.support.shop import (
    check_shop,
    deploy_shop,
    get_backend,
    pods_of,
    ready_endpoints,
    try_backend,
)

pytestmark = [pytest.mark.compose, pytest.mark.kubectl, pytest.mark.timeout(600)]

_ROOT = Path(__file__).parents[2]
_PROJECT = "kubehop-test"
_API_PORT = "16443"
_HTTP_PORT = "18080"
_BUILD_TIMEOUT_S = 540.0
KUBEHOP = Path(sys.executable).parent / "kubehop"


@pytest.fixture(scope="module")
def compose(tmp_path_factory):
    """`docker compose` for a project, a port and a kubeconfig of this test's own."""
    folder = tmp_path_factory.mktemp("kubeconfig")
    environment = {
        **os.environ,
        "KUBEHOP_API_PORT": _API_PORT,
        "KUBEHOP_HTTP_PORT": _HTTP_PORT,
        "KUBEHOP_KUBECONFIG_DIR": str(folder),
        "KUBEHOP_CNI": "calico",
        "KUBEHOP_POLICY": "deny=reject",
    }

    def run(*arguments, timeout_s=120.0):
        return _compose(environment, *arguments, timeout_s=timeout_s)

    run.kubeconfig = folder / "kubeconfig"
    return run


def _compose(environment, *arguments, timeout_s):
    done = subprocess.run(
        ["docker", "compose", "--project-name", _PROJECT, *arguments],
        cwd=_ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, f"docker compose {' '.join(arguments)}: {done.stdout}{done.stderr}"
    return done.stdout


def docker(*arguments):
    done = subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


@pytest.fixture(scope="module")
def kubectl(compose, tmp_path_factory):
    """A cluster of three node containers; nothing of it is left afterwards."""
    compose("build", timeout_s=_BUILD_TIMEOUT_S)
    try:
        compose("up", "--detach", "--wait")
        driver = Kubectl(compose.kubeconfig, tmp_path_factory.mktemp("cache"))
        wait_until(lambda: len(ready_nodes(driver)) == 3, "three nodes are Ready")
        deploy_shop(driver)
        yield driver
    finally:
        compose("down", "--volumes")
    label = f"label=com.docker.compose.project={_PROJECT}"
    for kind in ("container", "volume", "network"):
        command = ("ls", "--all", "--quiet") if kind == "container" else ("ls", "--quiet")
        assert docker(kind, *command, "--filter", label) == "", f"a {kind} is left"


def ready_nodes(kubectl):
    return {
        node["metadata"]["name"]
        for node in kubectl.json("get", "nodes")["items"]
        for condition in node["status"].get("conditions", ())
        if condition["type"] == "Ready" and condition["status"] == "True"
    }


def container_of(kubectl, compose, node):
    """The container that is this node: the one with its InternalIP."""
    addresses = kubectl.json("get", "node", node)["status"]["addresses"]
    wanted = next(a["address"] for a in addresses if a["type"] == "InternalIP")
    template = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    for container in compose("ps", "--quiet", "node").split():
        if docker("inspect", "--format", template, container).strip() == wanted:
            return container
    raise AssertionError(f"no container has {wanted}")


def test_http_by_name_cluster_ip_and_pod_ip_with_round_robin(kubectl):
    check_shop(kubectl)


def test_requests_are_traced_and_tables_shown_with_the_kubeconfig(kubectl, compose):
    access = ("--kubeconfig", str(compose.kubeconfig))
    traced = subprocess.run(
        [KUBEHOP, "trace", *access, "deploy/frontend", "http://backend"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "HTTP 200 from" in traced.stdout
    assert "round robin: endpoint" in traced.stdout
    node = sorted(ready_nodes(kubectl))[0]
    assert "default/backend" in dump(compose, node)


def dump(compose, node, *options):
    command = [KUBEHOP, "node", node, "dump", "--kubeconfig", str(compose.kubeconfig), *options]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_real_nginx_is_reached_from_the_host_by_every_nodes_port(kubectl, compose):
    with nginx_deployed(kubectl):
        for mode in MODES:
            check_nginx(
                kubectl, mode, ["curl"], lambda node: dump(compose, node, "--table", "proxy")
            )


def test_the_shop_is_at_the_published_port(kubectl):
    """The first address that is given away is the published one, whichever kind it is for."""
    published = f"http://127.0.0.1:{_HTTP_PORT}"
    assert load_balancers.answer(["curl"], f"{published}/hostname") in pods_of(kubectl, "frontend")
    annotate = ("annotate", "service", "frontend", "--overwrite")
    kubectl(*annotate, "kubehop.dev/load-balancer-type=application")
    try:
        wait_until(
            lambda: load_balancers.headers_seen(["curl"], published)["X-Forwarded-Proto"] == "http",
            "it is an application load balancer",
        )
    finally:
        kubectl(*annotate, "kubehop.dev/load-balancer-type=network")
    wait_until(
        lambda: load_balancers.headers_seen(["curl"], published)["X-Forwarded-Proto"] == "",
        "it is a network load balancer again",
    )


def test_load_balancers_are_reached_from_the_host(kubectl):
    load_balancers.deploy(kubectl)
    try:
        pods = set(pods_of(kubectl, "behind"))
        for kind, name in (
            ("service", "net"),
            ("service", "local"),
            ("service", "app"),
            ("ingress", "shop"),
        ):
            address = load_balancers.address_of(kubectl, kind, name)
            host = ("-H", f"Host: {load_balancers.HOST}")
            assert load_balancers.answer(["curl"], f"http://{address}/hostname", *host) in pods
    finally:
        for obj in load_balancers.manifests():
            name = f"{obj['kind']}/{obj['metadata']['name']}"
            kubectl("delete", name, "--ignore-not-found")


DENY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny}
spec: {podSelector: {matchLabels: {app: backend}}}
"""


def test_the_environment_chooses_the_plugin_and_what_becomes_of_denied_packets(kubectl):
    chosen = kubectl.json("-n", "kube-system", "get", "configmap", "kubehop-config")["data"]
    assert chosen["cni"] == "calico"
    assert {"established=keep", "deny=reject"} <= set(chosen["policy"].split())
    kubectl.apply(DENY)
    try:
        wait_until(lambda: "refused" in try_backend(kubectl).stderr, "denied is refused at once")
    finally:
        kubectl("delete", "networkpolicy", "deny")
    wait_until(lambda: try_backend(kubectl).returncode == 0, "allowed again")


def test_five_nodes_by_scale(kubectl, compose):
    compose("up", "--detach", "--scale", "node=5")
    wait_until(lambda: len(ready_nodes(kubectl)) == 5, "five nodes are Ready")
    kubectl("scale", "deployment/backend", "--replicas=5")
    kubectl("rollout", "status", "deployment/backend", "--timeout=60s")
    assert len({place["node"] for place in pods_of(kubectl, "backend").values()}) >= 4
    check_shop(kubectl)


def test_a_killed_node_leaves_traffic_goes_on_and_it_rejoins(kubectl, compose):
    frontend = next(iter(pods_of(kubectl, "frontend").values()))
    victims = {
        name: place
        for name, place in pods_of(kubectl, "backend").items()
        if place["node"] != frontend["node"]
    }
    name, place = next(iter(victims.items()))
    container = container_of(kubectl, compose, place["node"])
    docker("kill", container)
    wait_until(lambda: place["node"] not in ready_nodes(kubectl), "the node is NotReady")
    wait_until(lambda: place["ip"] not in ready_endpoints(kubectl, "backend"), "its endpoint left")
    assert name not in {get_backend(kubectl) for _ in range(10)}
    docker("start", container)
    wait_until(lambda: place["node"] in ready_nodes(kubectl), "the node is Ready again")
    wait_until(
        lambda: (
            any(p["node"] == place["node"] for p in pods_of(kubectl, "backend").values())
            and len(ready_endpoints(kubectl, "backend")) == 5
        ),
        "its pods are back",
        timeout_s=60,
    )
    check_shop(kubectl)


def test_a_killed_control_plane_is_not_noticed_by_traffic(kubectl, compose):
    before = set(pods_of(kubectl, "backend"))
    control_plane = compose("ps", "--quiet", "controlplane").strip()
    docker("kill", control_plane)
    docker("start", control_plane)
    wait_until(
        lambda: kubectl.run("get", "nodes").returncode == 0, "the API answers again", timeout_s=60
    )
    wait_until(lambda: len(ready_nodes(kubectl)) == 5, "the nodes are Ready")
    assert set(pods_of(kubectl, "backend")) == before
    check_shop(kubectl)
