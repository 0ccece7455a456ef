"""The real kubectl, as a person would use it."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CALL_TIMEOUT_S = 60.0


def find_kubectl() -> str | None:
    """The binary that KUBECTL names, else the one on PATH."""
    return os.environ.get("KUBECTL") or shutil.which("kubectl")


@dataclass(frozen=True)
class Kubectl:
    """One cluster, reached by a kubeconfig of its own and a fresh discovery cache."""

    kubeconfig: Path
    cache_dir: Path

    def run(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        binary = find_kubectl()
        assert binary is not None
        command = [
            binary,
            f"--kubeconfig={self.kubeconfig}",
            f"--cache-dir={self.cache_dir}",
            *arguments,
        ]
        return subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=CALL_TIMEOUT_S,
            check=False,
        )

    def __call__(self, *arguments: str, stdin: str | None = None) -> str:
        """What it prints. Fails the test with what it says when it fails."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "-o", "json"))

    def apply(self, manifest: str) -> None:
        self("apply", "-f", "-", stdin=manifest)


def wait_until(
    condition: Callable[[], Any], what: str, timeout_s: float = 30.0, pause_s: float = 0.02
) -> Any:
    """The condition's first true value. Fails naming `what` when there is none in time."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {what}")
        time.sleep(pause_s)
