"""One round of start-up: a cluster up, the shop applied, one request, a rest, down again."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.processes import (
    TICKS_PER_S,
    cluster_processes,
    cpu_ticks,
    proportional_mb,
    resident_mb,
)

_ROOT = Path(__file__).resolve().parent.parent
_KUBEHOP = Path(sys.executable).parent / "kubehop"
_IDLE_S = 10.0
_READY_TIMEOUT_S = 60.0


def measure_round(name: str) -> dict[str, float]:
    """The figures of one round, by the names of `GOALS`. The cluster is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="kubehop-bench-") as folder:
        environment = {**os.environ, "KUBECONFIG": f"{folder}/kubeconfig"}
        try:
            return _measure(name, environment)
        finally:
            subprocess.run(
                [_KUBEHOP, "down", "--name", name],
                env=environment,
                capture_output=True,
                check=False,
            )


def _measure(name: str, environment: dict[str, str]) -> dict[str, float]:
    start = time.monotonic()
    _run([str(_KUBEHOP), "up", "--name", name], environment)
    ready = time.monotonic() - start
    idle = _idle_figures(name)
    # The rest between is not part of what a user waits for.
    paused = time.monotonic() - start - ready
    kubectl = ["kubectl", "--context", f"kubehop-{name}"]
    _run([*kubectl, "apply", "-f", str(_ROOT / "examples" / "shop")], environment)
    _request(kubectl, environment)
    first = time.monotonic() - start - paused
    return {"up-to-ready": ready, "up-to-first-200": first, **idle}


def _request(kubectl: list[str], environment: dict[str, str]) -> None:
    """Until the frontend's first HTTP 200 from the Service name."""
    command = [*kubectl, "exec", "deploy/frontend", "--", "kubehop-http-get", "http://backend"]
    deadline = time.monotonic() + _READY_TIMEOUT_S
    while time.monotonic() < deadline:
        tried = subprocess.run(command, env=environment, capture_output=True, check=False)
        if tried.returncode == 0:
            return
    raise TimeoutError(f"no HTTP 200 within {_READY_TIMEOUT_S} s: {tried.stderr.decode()}")


def _idle_figures(name: str) -> dict[str, float]:
    processes = cluster_processes(name)
    agents = [pid for pid, command in processes.items() if "-m nodeagent --" in command]
    zygotes = [pid for pid, command in processes.items() if "nodeagent.workloads" in command]
    before = sum(map(cpu_ticks, processes))
    started = time.monotonic()
    time.sleep(_IDLE_S)  # what is measured is this very time
    used_s = (sum(map(cpu_ticks, processes)) - before) / TICKS_PER_S
    return {
        "agent-rss": statistics.median(map(resident_mb, agents)),
        "agent-pss": statistics.median(map(proportional_mb, agents)),
        "zygote-pss": statistics.median(map(proportional_mb, zygotes)),
        "idle-cpu": 100 * used_s / (time.monotonic() - started),
    }


def _run(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=_READY_TIMEOUT_S,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
