"""What the figures were measured on."""

import os
import platform
import subprocess
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parent.parent


def describe_machine() -> dict[str, Any]:
    """For the JSON. `load` is the load average of the minute before: near 0 when all is still."""
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
        "revision": _revision(),
    }


def machine_line(machine: dict[str, Any]) -> str:
    """For people, in one line."""
    cores, kernel, python = machine["cores"], machine["kernel"], machine["python"]
    return f"{cores} cores {machine['cpu']}, Linux {kernel}, Python {python}"


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.machine()


def _revision() -> str | None:
    """The commit, with "-dirty" when files differ from it; None outside a repository."""
    describe = ["git", "-C", str(_ROOT), "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(describe, capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
