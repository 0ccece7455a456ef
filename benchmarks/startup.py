"""One round of start-up: a cluster up, the shop applied, one request, a rest, down again."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_KUBEHOP = Path(sys.executable).parent / "kubehop"
_IDLE_S = 10.0
_READY_TIMEOUT_S = 60.0
_TICKS = os.sysconf("SC_CLK_TCK")


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
    processes = _processes(name)
    agents = [pid for pid, command in processes.items() if "-m nodeagent --" in command]
    zygotes = [pid for pid, command in processes.items() if "nodeagent.workloads" in command]
    before = sum(map(_cpu_ticks, processes))
    started = time.monotonic()
    time.sleep(_IDLE_S)  # what is measured is this very time
    used_s = (sum(map(_cpu_ticks, processes)) - before) / _TICKS
    return {
        "agent-rss": statistics.median(_status_kb(pid, "VmRSS") for pid in agents) / 1024,
        "agent-pss": statistics.median(map(_pss_kb, agents)) / 1024,
        "zygote-pss": statistics.median(map(_pss_kb, zygotes)) / 1024,
        "idle-cpu": 100 * used_s / (time.monotonic() - started),
    }


def _processes(name: str) -> dict[int, str]:
    """The cluster's processes and their command lines: a tree below its supervisor."""
    commands: dict[int, str] = {}
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        commands[int(entry.name)] = command
        parents[int(entry.name)] = parent
    marks = (f"/{name}/", f'/{name}"')
    roots = [pid for pid, command in commands.items() if any(m in command for m in marks)]
    return {
        pid: command for pid, command in commands.items() if _descends(pid, set(roots), parents)
    }


def _descends(pid: int, roots: set[int], parents: dict[int, int]) -> bool:
    while pid:
        if pid in roots:
            return True
        pid = parents.get(pid, 0)
    return False


def _cpu_ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])


def _status_kb(pid: int, field: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1])
    return 0


def _pss_kb(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def _run(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
