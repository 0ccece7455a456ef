"""compose.dual.yaml: a dual-stack cluster as containers, and an IPv6 one."""

import os
import subprocess
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

import pytest

from tests.support.kubectl import Kubectl, wait_until
from tests.support.shop import deploy_shop, get_backend, pods_of

pytestmark = [pytest.mark.compose, pytest.mark.kubectl, pytest.mark.timeout(600)]

_ROOT = Path(__file__).parents[2]
_COMMAND = (
    *("docker", "compose", "--project-name", "kubehop-families"),
    *("-f", "compose.yaml", "-f", "compose.dual.yaml"),
)
_IPV6_ONLY = {"KUBEHOP_POD_CIDR": "fd00:10:244::/56", "KUBEHOP_SERVICE_CIDR": "fd00:10:96::/112"}


@contextmanager
def running(folder, environment):
    """The kubectl of a cluster of two nodes; nothing of it is left afterwards."""
    environment = {
        **os.environ,
        "KUBEHOP_API_PORT": "16444",
        "KUBEHOP_HTTP_PORT": "18081",
        "KUBEHOP_KUBECONFIG_DIR": str(folder),
        **environment,
    }

    def compose(*arguments, timeout_s):
        done = subprocess.run(
            [*_COMMAND, *arguments],
            cwd=_ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(arguments)}: {done.stdout}{done.stderr}"

    compose("build", timeout_s=540)
    try:
        compose("up", "--detach", "--wait", "--scale", "node=2", timeout_s=120)
        kubectl = Kubectl(folder / "kubeconfig", folder / "cache")
        wait_until(lambda: len(ready_nodes(kubectl)) == 2, "two nodes are Ready")
        deploy_shop(kubectl)
        yield kubectl
    finally:
        compose("down", "--volumes", timeout_s=120)


def ready_nodes(kubectl):
    found = kubectl.run("get", "nodes", "--no-headers").stdout
    return [line for line in found.splitlines() if " Ready " in line]


@pytest.mark.parametrize(
    ("environment", "versions"), [({}, [4, 6]), (_IPV6_ONLY, [6])], ids=["dual", "ipv6"]
)
def test_containers_talk_over_ipv6(tmp_path, environment, versions):
    with running(tmp_path, environment) as kubectl:
        for node in kubectl.json("get", "nodes")["items"]:
            addresses = [a["address"] for a in node["status"]["addresses"]][: len(versions)]
            assert [ip_address(text).version for text in addresses] == versions
        patch = '{"spec": {"ipFamilyPolicy": "PreferDualStack"}}'
        kubectl("patch", "service", "backend", "-p", patch)
        spec = kubectl.json("get", "service", "backend")["spec"]
        assert [ip_address(text).version for text in spec["clusterIPs"]] == versions
        url = f"http://[{spec['clusterIPs'][-1]}]"
        wait_until(lambda: get_backend(kubectl, url) in pods_of(kubectl, "backend"), "it answers")
        names = {get_backend(kubectl) for _ in range(4)}
        assert names == set(pods_of(kubectl, "backend"))
