"""A cluster without Docker, brought up by the real command line and taken down again."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.kubectl import Kubectl

KUBEHOP = Path(sys.executable).parent / "kubehop"
_TIMEOUT_S = 120.0


class LocalCluster:
    """`kubehop` with a state directory and a kubeconfig of this test's own."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.kubeconfig = folder / "kubeconfig"
        self.environment = {
            **os.environ,
            "XDG_STATE_HOME": str(folder / "state"),
            "KUBECONFIG": str(self.kubeconfig),
        }
        self.kubectl = Kubectl(self.kubeconfig, folder / "cache")

    def run(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """One command of `kubehop` for this cluster."""
        return subprocess.run(
            [KUBEHOP, command, "--name", self.name, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )

    def control_plane_pid(self) -> int:
        """The control plane's process: its network is where clients outside of the nodes are."""
        wanted = f"--cluster-name\0{self.name}\0".encode()
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if wanted in (folder / "cmdline").read_bytes():
                    return int(folder.name)
        raise AssertionError(f"no control plane of cluster {self.name} runs")


@contextmanager
def local_cluster(name: str, folder: Path, *arguments: str) -> Iterator[LocalCluster]:
    """A running cluster; gone afterwards, whatever the test did to it."""
    cluster = LocalCluster(name, folder)
    try:
        up = cluster.run("up", *arguments)
        assert up.returncode == 0, up.stderr
        yield cluster
    finally:
        down = cluster.run("down")
        assert down.returncode == 0, down.stderr
