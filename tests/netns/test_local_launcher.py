"""`kubehop up` and `down` for real: nothing is ever left of a cluster that ended."""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

KUBEHOP = Path(sys.executable).parent / "kubehop"
TIMEOUT_S = 60.0

pytestmark = pytest.mark.netns


class Launcher:
    """`kubehop` with a home of its own."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state" / "kubehop"
        self.kubeconfig = folder / "kubeconfig"
        self._namespaces: set[str] = set()
        self.environment = {
            **os.environ,
            "XDG_STATE_HOME": str(folder / "state"),
            "KUBECONFIG": str(self.kubeconfig),
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [KUBEHOP, *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments)
        stdout, stderr = process.communicate(timeout=TIMEOUT_S)
        return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)

    def processes(self) -> set[int]:
        """Every process that was started for a cluster of this state directory."""
        marker = f"XDG_STATE_HOME={self.state.parent}".encode()
        found = set()
        for entry in os.listdir("/proc"):
            if entry.isdecimal() and int(entry) != os.getpid():
                try:
                    environment = Path(f"/proc/{entry}/environ").read_bytes()
                except (ProcessLookupError, FileNotFoundError, PermissionError):
                    continue
                if marker in environment.split(b"\0"):
                    found.add(int(entry))
                    self._namespaces |= namespaces_of(entry)
        return found

    def supervisor(self, name: str) -> int:
        record = json.loads((self.state / name / "cluster.json").read_text())
        return int(record["supervisor"]["pid"])

    def assert_nothing_left(self) -> None:
        """Neither files nor processes, also of pods, which have no environment of ours."""
        wait_until(lambda: not self.processes(), "all processes have ended")
        assert not self.state.exists()
        assert not self.kubeconfig.exists() or "kubehop" not in self.kubeconfig.read_text()
        foreign = self._namespaces - namespaces_of("self")
        wait_until(lambda: not foreign & inhabited_namespaces(), "all namespaces are gone")


def namespaces_of(pid: int | str) -> set[str]:
    """The network and the PID namespace of a process; nothing once it has ended."""
    found = set()
    for kind in ("net", "pid"):
        with contextlib.suppress(OSError):
            found.add(os.readlink(f"/proc/{pid}/ns/{kind}"))
    return found


def inhabited_namespaces() -> set[str]:
    """The network and PID namespaces in which any process of this machine lives."""
    return set().union(*(namespaces_of(entry) for entry in os.listdir("/proc")))


def wait_until(condition, what, timeout_s=TIMEOUT_S):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}"
        select.select([], [], [], 0.05)


@pytest.fixture
def launcher(tmp_path):
    made = Launcher(tmp_path)
    yield made
    for name in ("one", "two"):
        made.run("down", "--name", name)


def up(launcher: Launcher, name: str = "one", *arguments: str) -> None:
    done = launcher.run("up", "--name", name, "--nodes", "1", *arguments)
    assert done.returncode == 0, done.stderr


def test_up_gives_ready_nodes_and_down_leaves_nothing(launcher):
    done = launcher.run("up", "--name", "one", "--nodes", "2")
    assert done.returncode == 0, done.stderr

    status = json.loads(launcher.run("status", "--name", "one", "-o", "json").stdout)
    config = yaml.safe_load(launcher.kubeconfig.read_text())
    mode = launcher.kubeconfig.stat().st_mode & 0o777
    listed = launcher.run("clusters").stdout
    launcher.processes()
    down = launcher.run("down", "--name", "one")

    assert status["healthy"] is True
    assert [node["name"] for node in status["nodes"]] == ["one-worker", "one-worker2"]
    assert config["current-context"] == "kubehop-one"
    assert mode == 0o600
    assert listed == "one\n"
    assert down.returncode == 0
    launcher.assert_nothing_left()


def test_a_second_up_says_that_the_cluster_runs_and_changes_nothing(launcher):
    up(launcher)
    supervisor = launcher.supervisor("one")

    again = launcher.run("up", "--name", "one")

    assert again.returncode == 1
    assert 'a cluster with the name "one" already runs' in again.stderr
    assert launcher.supervisor("one") == supervisor
    assert launcher.run("status", "--name", "one").returncode == 0


def test_two_clusters_side_by_side(launcher):
    up(launcher, "one")
    up(launcher, "two")

    assert launcher.run("clusters").stdout == "one\ntwo\n"
    assert launcher.run("down", "--name", "one").returncode == 0
    assert launcher.run("status", "--name", "two").returncode == 0
    config = yaml.safe_load(launcher.kubeconfig.read_text())
    assert [context["name"] for context in config["contexts"]] == ["kubehop-two"]
    assert launcher.run("down", "--name", "two").returncode == 0
    launcher.assert_nothing_left()


def test_all_of_a_killed_cluster_dies_and_down_cleans_up(launcher):
    up(launcher)

    launcher.processes()
    os.kill(launcher.supervisor("one"), signal.SIGKILL)
    wait_until(lambda: not launcher.processes(), "the kernel ends the whole cluster")
    status = launcher.run("status", "--name", "one")
    down = launcher.run("down", "--name", "one")

    assert status.returncode == 1
    assert "was killed" in status.stderr
    assert down.returncode == 0
    launcher.assert_nothing_left()


def test_a_killed_cluster_does_not_stand_in_the_way_of_the_next(launcher):
    up(launcher)
    os.kill(launcher.supervisor("one"), signal.SIGKILL)

    wait_until(lambda: not launcher.processes(), "the kernel ends the whole cluster")
    up(launcher)

    assert launcher.run("status", "--name", "one").returncode == 0


def test_a_killed_program_is_started_again(launcher):
    up(launcher)

    def coredns() -> dict[str, object]:
        status = json.loads(launcher.run("status", "--name", "one", "-o", "json").stdout)
        return next(c for c in status["components"] if c["name"] == "coredns")

    [victim] = [
        pid
        for pid in launcher.processes()
        if b"coredns_emu" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    assert coredns()["pid"] == victim  # as it is known here, not in the cluster's PID namespace
    os.kill(victim, signal.SIGKILL)

    wait_until(lambda: coredns()["restarts"] == 1, "the supervisor starts it again")
    assert coredns()["lastExitCode"] == 128 + signal.SIGKILL


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("moment", ["Creating", "Preparing", "control plane"])
def test_an_interrupted_up_leaves_nothing(launcher, number, moment):
    process = launcher.start("up", "--name", "one", "--nodes", "2")
    seen = ""
    while moment not in seen:
        line = process.stderr.readline()
        assert line, f"up ended before: {seen}"
        seen += line

    launcher.processes()
    process.send_signal(number)
    process.communicate(timeout=TIMEOUT_S)

    assert process.returncode != 0
    launcher.assert_nothing_left()


def test_down_of_no_cluster_says_so(launcher):
    done = launcher.run("down", "--name", "one")

    assert done.returncode == 0
    assert 'There is no cluster "one"' in done.stderr
    assert not launcher.state.exists()


def test_the_api_port_that_is_taken_is_named_and_nothing_is_left(launcher, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = tmp_path / "kind.yaml"
        config.write_text(
            "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n"
            f"networking:\n  apiServerPort: {port}\n"
        )
        done = launcher.run("up", "--name", "one", "--config", str(config))

    assert done.returncode == 1
    assert f"port {port}: Address already in use" in done.stderr
    assert "Traceback" not in done.stderr
    launcher.assert_nothing_left()


def test_a_kind_config_decides_nodes_labels_and_ranges(launcher, tmp_path):
    config = tmp_path / "kind.yaml"
    config.write_text(
        "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nname: two\n"
        "networking:\n  podSubnet: 10.50.0.0/16\n"
        "nodes:\n- role: control-plane\n- role: worker\n  labels:\n    tier: gold\n"
    )

    done = launcher.run("up", "--config", str(config))
    status = json.loads(launcher.run("status", "--name", "two", "-o", "json").stdout)

    assert done.returncode == 0, done.stderr
    assert [node["name"] for node in status["nodes"]] == ["two-control-plane", "two-worker"]
    assert all(node["podCIDR"].startswith("10.50.") for node in status["nodes"])


def test_without_rights_one_message_and_nothing_left(launcher):
    """An ordinary user of a machine that has no /dev/net/tun for it."""
    hide = 'mount -t tmpfs none /dev/net && exec "$@"'
    without_tun = ["unshare", "--mount", "--", "sh", "-c", hide, "-"]
    done = subprocess.run(
        [*without_tun, str(KUBEHOP), "up", "--name", "one"],
        env=launcher.environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )

    assert done.returncode == 1
    assert "cannot open /dev/net/tun" in done.stderr
    assert "modprobe tun" in done.stderr
    assert "Traceback" not in done.stderr
    launcher.assert_nothing_left()
