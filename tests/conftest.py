"""What the machine can: tests that need more are skipped with the reason, and fail in CI."""

import os
import shutil
import subprocess
from functools import cache

import pytest

from tests.support.kubectl import find_kubectl


@cache
def _netns() -> str:
    try:
        done = subprocess.run(
            ["unshare", "--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "true"],
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"unshare does not run: {error}"
    if done.returncode != 0:
        return f"no namespaces here: {done.stderr.strip()}"
    return "" if os.access("/dev/net/tun", os.R_OK | os.W_OK) else "/dev/net/tun cannot be opened"


@cache
def _compose() -> str:
    if shutil.which("docker") is None:
        return "no docker client"
    for command in (["docker", "info"], ["docker", "compose", "version"]):
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        if done.returncode != 0:
            return f"{' '.join(command)}: {(done.stderr or done.stdout).strip().splitlines()[-1:]}"
    return ""


@cache
def _kubectl() -> str:
    return "" if find_kubectl() else "no kubectl on this machine"


_LACKS = {"netns": _netns, "compose": _compose, "kubectl": _kubectl}


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker, lacks in _LACKS.items():
        if item.get_closest_marker(marker) is None:
            continue
        reason = lacks()
        if reason and os.environ.get("CI"):
            pytest.fail(f"CI must run {marker} tests: {reason}")
        if reason:
            pytest.skip(reason)
