"""`kubehop matrix` for real: clusters that come, are asked, and are gone again."""

import json
import os
import signal
import sys

import pytest

from tests.netns.test_local_launcher import KUBEHOP, TIMEOUT_S, Launcher, wait_until

pytestmark = [pytest.mark.netns, pytest.mark.kubectl]

MODES = "iptables,ebpf"
CURL = ("kubectl", "exec", "client", "--", "curl", "-sS", "-o", "/dev/null", "-w")
MANIFESTS = """
apiVersion: v1
kind: Pod
metadata: {name: client}
spec:
  containers:
  - {name: c, image: curl, command: [sleep, infinity]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: c
        image: IMAGE
        readinessProbe: {httpGet: {port: 80}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80}]
"""


@pytest.fixture
def launcher(tmp_path):
    made = Launcher(tmp_path)
    yield made
    made.assert_nothing_left()


def folder(tmp_path, image="nginx"):
    made = tmp_path / "manifests"
    made.mkdir()
    (made / "all.yaml").write_text(MANIFESTS.replace("IMAGE", image))
    return str(made)


def matrix(launcher, manifests, *arguments):
    shape = ("--nodes", "2", "--proxy-mode", MODES)
    return launcher.run("matrix", "-f", manifests, *shape, *arguments)


def test_modes_that_answer_alike_agree(launcher, tmp_path):
    url = ("%{http_code}\n", "http://web")

    done = matrix(launcher, folder(tmp_path), "-o", "json", "--", *CURL, *url)

    found = json.loads(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [mode["mode"] for mode in found["modes"]] == ["iptables", "ebpf"]
    assert [mode["stdout"]["text"] for mode in found["modes"]] == ["200\n", "200\n"]
    assert not launcher.kubeconfig.exists()


def test_every_mode_is_really_tried_and_what_differs_is_found(launcher, tmp_path):
    """The command asks a node for its tables, which each mode has in a form of its own."""
    program = (
        "import os, subprocess;"
        "print(os.environ['KUBEHOP_PROXY_MODE'], flush=True);"
        "dump = ('node', 'matrix-worker', 'dump', '--table', 'proxy');"
        "name = ('--name', os.environ['KUBEHOP_CLUSTER']);"
        f"subprocess.run([{str(KUBEHOP)!r}, *dump, *name], check=True)"
    )

    done = matrix(launcher, folder(tmp_path), "--", sys.executable, "-c", program)

    assert done.returncode == 1, done.stderr
    lines = done.stdout.splitlines()
    assert "-iptables" in lines
    assert "+ebpf" in lines
    assert any(line.startswith("--A KUBE-SERVICES") for line in lines)
    assert any("SERVICE ADDRESS" in line for line in lines)
    assert lines[-1] == "ebpf differs from iptables."


def test_pods_that_do_not_become_ready_are_said_with_the_reason(launcher, tmp_path):
    done = matrix(launcher, folder(tmp_path, "nosuch:1"), "--timeout", "1", "--", "true")

    assert done.returncode == 1
    for mode in MODES.split(","):
        problem = f"{mode}: not ready after 1 s: Deployment default/web: 0 of 2 pods are ready"
        assert problem in done.stdout
    assert 'image "nosuch:1" is not in the catalogue' in done.stdout
    assert "Traceback" not in done.stderr


def test_a_manifest_that_is_refused_ends_it_at_once(launcher, tmp_path):
    manifests = folder(tmp_path)
    path = tmp_path / "manifests" / "all.yaml"
    path.write_text(path.read_text().replace("replicas:", "replicsa:"))

    done = matrix(launcher, manifests, "--", "true")

    assert done.returncode == 1
    assert f"kubehop: Deployment web ({path}) is refused: " in done.stderr
    assert ".spec.replicsa" in done.stderr
    assert "Proxy mode ebpf" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("moment", ["control plane", "command"])
def test_an_interrupted_matrix_leaves_nothing(launcher, tmp_path, number, moment):
    started = tmp_path / "started"
    os.mkfifo(started)
    program = f"open({str(started)!r}, 'w').close(); import time; time.sleep(600)"
    command = (sys.executable, "-c", program)

    process = launcher.start("matrix", "-f", folder(tmp_path), "--nodes", "1", "--", *command)
    await_moment(process, moment, started)
    launcher.processes()
    process.send_signal(number)
    process.communicate(timeout=TIMEOUT_S)

    expected = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -signal.SIGKILL}
    assert process.returncode == expected[number]
    wait_until(lambda: not launcher.processes(), "all processes have ended")


def await_moment(process, moment, started):
    if moment == "command":
        started.open().close()  # until the command opens it, too
        return
    seen = ""
    while moment not in seen:
        line = process.stderr.readline()
        assert line, f"it ended before: {seen}"
        seen += line
