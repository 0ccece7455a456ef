"""The pytest plugin as its users run it: real clusters, real packets, and nothing of them left."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.netns.test_local_launcher import KUBEHOP, TIMEOUT_S, Launcher, wait_until

pytestmark = [pytest.mark.netns, pytest.mark.kubectl, pytest.mark.timeout(300)]

EXAMPLE = Path(__file__).parents[2] / "examples/ci"
SHOP = f"SHOP = {str(EXAMPLE / 'shop')!r}\n"


class Suite:
    """Runs pytest in a folder with a home of its own, where all clusters are seen."""

    def __init__(self, folder):
        self.folder = folder
        self.launcher = Launcher(folder)

    def start(self, *arguments):
        # pytest-asyncio, which this suite has, warns of a missing choice.
        chosen = ("-o", "asyncio_default_fixture_loop_scope=function")
        quiet = ("-p", "no:cacheprovider", *chosen, "-W", "error")
        return subprocess.Popen(
            [sys.executable, "-m", "pytest", *quiet, *arguments],
            cwd=self.folder,
            env=self.launcher.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def shell(self, command):
        """One command at the root of the repository, with its programs in the PATH."""
        path = f"{KUBEHOP.parent}:{os.environ['PATH']}"
        return subprocess.run(
            ["sh", "-c", command],
            cwd=EXAMPLE.parents[1],
            env={**self.launcher.environment, "PATH": path},
            capture_output=True,
            text=True,
            timeout=2 * TIMEOUT_S,
            check=False,
        )

    def run(self, *arguments, text=""):
        if text:
            (self.folder / "test_it.py").write_text(SHOP + text)
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=2 * TIMEOUT_S)
        return process.returncode, output


@pytest.fixture
def suite(tmp_path):
    made = Suite(tmp_path)
    yield made
    made.launcher.assert_nothing_left()


def test_the_commands_of_the_example_do_what_it_says(suite):
    text = (EXAMPLE / "README.md").read_text()
    commands = re.findall(r"^\$ (.+)$", text, re.MULTILINE)
    assert [command.split()[0] for command in commands] == ["kubehop"] * 3 + ["pytest"]
    for command in commands:
        done = suite.shell(command.replace("policies.xml", str(suite.folder / "policies.xml")))
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    assert "3 passed" in done.stdout


FAILING = """
import pytest

@pytest.fixture(scope="module")
def shop(kubehop_cluster):
    kubehop_cluster.apply(SHOP)
    return kubehop_cluster

def test_not_reached(shop):
    shop.pod("other/intruder").assert_reachable("shop/svc/api:80")

def test_blocked_by_another(shop):
    shop.assert_blocked("other/intruder", "shop/svc/api:80", by="shop/api-lock")

def test_nobody_listens(shop):
    shop.assert_blocked("shop/deploy/api", "kubernetes.default:443")
    shop.assert_blocked("other/intruder", "other/intruder:81")

def test_wrong_port(shop):
    assert shop.pod("other/intruder").curl("http://api.shop:81").status == 200

def test_refused_manifest(shop):
    shop.apply({"apiVersion": "v1", "kind": "Podd", "metadata": {"name": "x"}})
"""


def test_failures_have_their_traces_and_no_insides(suite):
    code, output = suite.run("--kubehop-nodes", "1", text=FAILING)

    assert code == 1
    assert "5 failed" in output, output
    parts = dict(re.findall(r"_+ (test_\w+) _+\n(.*?)(?=\n_{5,} |\n=====)", output, re.DOTALL))
    failed = parts["test_not_reached"]
    assert "other/intruder does not reach shop/svc/api:80: the packet was dropped on" in failed
    assert "- kubehop trace -" in failed
    assert re.search(
        r"ingress policy denied: .*\[NetworkPolicy shop/api, shop/default-deny\]", failed
    )
    assert "- kubehop policy explain -" in failed
    assert failed.count("asked of the Service's port 80") == 1
    assert "isolated by NetworkPolicy shop/api, NetworkPolicy shop/default-deny" in failed
    assert "is blocked by shop/api, shop/default-deny, not by shop/api-lock" in output
    assert "shop/deploy/api reaches kubernetes.default:443" in parts["test_nobody_listens"]
    assert "- kubehop trace other/intruder http://api.shop:81 -" in parts["test_wrong_port"]
    assert "the Service has no port 81" in parts["test_wrong_port"]
    refused = parts["test_refused_manifest"]
    assert 'Podd x (objects[0]) is refused: no matches for kind "Podd" in version "v1"' in refused
    assert "direct cause" not in refused
    assert not re.search(r"kubehop/(kubernetes|policy)/\w+\.py:\d+", output)


WORKING = """
import asyncio
import pytest
import yaml
from pathlib import Path

@pytest.fixture
def shop(kubehop_cluster):
    kubehop_cluster.apply(SHOP)
    return kubehop_cluster

def test_policies_come_and_go(shop):
    intruder = shop.pod("other/intruder")
    policies = list(yaml.safe_load_all(Path(SHOP, "policies.yaml").read_text()))
    for _ in range(5):
        intruder.assert_blocked("shop/svc/api:80", by="shop/default-deny")
        shop.delete(policies)
        intruder.assert_reachable("shop/svc/api:80")
        assert intruder.curl("http://api.shop").status == 200
        shop.apply(policies)
    policies[0]["metadata"]["labels"] = {"only": "a-label"}
    shop.apply(policies, timeout_s=10)
    shop.apply({"apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": "intruder", "namespace": "other", "labels": {"x": "y"}},
                "spec": {"containers": [
                    {"name": "intruder", "image": "curlimages/curl",
                     "command": ["sleep", "infinity"]}]}})

def test_what_a_cluster_has(shop):
    assert "ALLOWED" in shop.explain("shop/deploy/frontend", "shop/svc/api:80")
    assert "SYN-ACK" in shop.trace("shop/deploy/frontend", "shop/svc/api:80").text
    assert shop.kubectl("get", "namespace", "shop", "-o", "name") == "namespace/shop\\n"
    done = shop.pod("shop/deploy/frontend").exec("sh", "-c", "echo out; echo err >&2; exit 3")
    assert (done.exit_code, done.stdout, done.stderr) == (3, b"out\\n", b"err\\n")

    async def in_a_loop():
        return shop.pod("shop/deploy/frontend").curl("http://api", "-I")
    assert "200 OK" in asyncio.run(in_a_loop()).body

def test_clients_outside(kubehop_cluster):
    kubehop_cluster.apply(SHOP)
    kubehop_cluster.delete(Path(SHOP, "policies.yaml"))
    [service] = kubehop_cluster.apply({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "api", "namespace": "shop"},
        "spec": {"type": "NodePort", "selector": {"app": "api"},
                 "ports": [{"port": 80, "targetPort": "http"}]}})
    port = service["spec"]["ports"][0]["nodePort"]
    assert kubehop_cluster.outside().curl(f"http://172.18.0.11:{port}").status == 200
    kubehop_cluster.assert_reachable("outside", "shop/svc/api:80")
    service["spec"] = {"type": "LoadBalancer", "selector": {"app": "api"},
                       "ports": [{"port": 80, "targetPort": "http"}]}
    service["metadata"] = {"name": "front", "namespace": "shop"}
    kubehop_cluster.apply(service)
    address = kubehop_cluster.kubectl(
        "-n", "shop", "get", "svc", "front", "-o", "jsonpath={.status.loadBalancer.ingress[0].ip}")
    assert kubehop_cluster.outside().curl(f"http://{address}").status == 200
"""


def test_what_is_applied_holds_at_once(suite):
    mode, plugin = ("--kubehop-proxy-mode", "nftables"), ("--kubehop-cni", "antrea")
    code, output = suite.run("--kubehop-nodes", "2", *mode, *plugin, text=WORKING)
    assert code == 0, output


XDIST = """
import os
import pytest

@pytest.mark.parametrize("number", range(4))
def test_one(kubehop_cluster, number):
    with open("clusters", "a") as file:
        print(os.environ["PYTEST_XDIST_WORKER"], kubehop_cluster.name, file=file)
    if number == 3:
        kubehop_cluster.assert_reachable("node/" + kubehop_cluster.name + "-worker", "10.96.9.9:80")
"""


def test_each_worker_of_xdist_has_its_own_cluster(suite):
    code, output = suite.run("-n", "2", "--kubehop-nodes", "1", text=XDIST)

    assert code == 1
    assert "1 failed, 3 passed" in output, output
    assert "no Service answers at this address" in output
    seen = {tuple(line.split()) for line in (suite.folder / "clusters").read_text().splitlines()}
    assert {worker for worker, _ in seen} == {"gw0", "gw1"}
    assert len({name for _, name in seen}) == len(seen) == 2
    assert all(name.startswith(f"pytest-{worker}-") for worker, name in seen)


def test_a_worker_that_is_killed_leaves_nothing(suite):
    text = """
import os, signal
def test_one(kubehop_cluster): os.kill(os.getpid(), signal.SIGKILL)
def test_two(kubehop_cluster): pass
"""
    code, output = suite.run("-n", "1", "--kubehop-nodes", "1", text=text)
    assert code == 1
    assert "1 failed, 1 passed" in output, output
    assert "crashed while running" in output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_run_leaves_nothing(suite, number):
    (suite.folder / "test_it.py").write_text(
        """
import time
def test_one(kubehop_cluster):
    print("started", flush=True)
    time.sleep(600)
"""
    )
    process = suite.start("-s", "--kubehop-nodes", "1")
    assert process.stdout is not None
    while "started" not in (line := process.stdout.readline()):
        assert line, "pytest has ended"
    assert suite.launcher.processes()
    process.send_signal(number)
    output, _ = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == (2 if number == signal.SIGINT else -number), output
    wait_until(lambda: not suite.launcher.processes() - {process.pid}, "all processes have ended")


def test_a_cluster_that_runs_is_used_and_goes_on(suite):
    suite.launcher.run("up", "--name", "mine", "--nodes", "1")
    try:
        text = "def test_one(kubehop_cluster): assert kubehop_cluster.kubectl('get', 'nodes')\n"
        for option in (
            ("--kubehop-cluster", "mine"),
            ("--kubehop-kubeconfig", str(suite.launcher.state / "mine" / "kubeconfig")),
        ):
            code, output = suite.run(*option, text=text)
            assert code == 0, output
        assert suite.launcher.run("status", "--name", "mine").returncode == 0
    finally:
        suite.launcher.run("down", "--name", "mine")
