"""Where a cluster keeps its files, and which names clusters may have."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from netcore.model.errors import ConfigError

DEFAULT_CLUSTER = "kubehop"

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_MAX_NAME = 40
"""Node names are made from it and a label has 63 characters."""


@dataclass(frozen=True, slots=True)
class ClusterPaths:
    """The files of one cluster. Nothing else on disk belongs to it, but its kubeconfig context."""

    directory: Path

    @property
    def name(self) -> str:
        return self.directory.name

    @property
    def lock(self) -> Path:
        """Beside the directory, so that the directory can go while the lock is held."""
        return self.directory.with_name(f".{self.name}.lock")

    @property
    def record(self) -> Path:
        return self.directory / "cluster.json"

    @property
    def kubeconfig(self) -> Path:
        return self.directory / "kubeconfig"

    @property
    def control_socket(self) -> Path:
        return self.directory / "control.sock"

    @property
    def logs(self) -> Path:
        return self.directory / "logs"

    @property
    def data(self) -> Path:
        return self.directory / "data"

    def log(self, component: str) -> Path:
        return self.logs / f"{component}.log"


def state_home() -> Path:
    """The folder that holds one folder per cluster, by the XDG base directory specification."""
    base = os.environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(base):  # the specification: relative paths are invalid, ignore them
        base = os.path.join(os.path.expanduser("~"), ".local", "state")
    return Path(base) / "kubehop"


def cluster_paths(name: str) -> ClusterPaths:
    """The files of the cluster `name`. Raises ConfigError for a name that cannot be one."""
    if not _NAME.fullmatch(name) or len(name) > _MAX_NAME:
        raise ConfigError(
            f'"{name}" is not a cluster name: use 1 to {_MAX_NAME} lower-case letters, digits, '
            "'-' and '.', beginning and ending with a letter or digit"
        )
    return ClusterPaths(state_home() / name)


def cluster_names() -> list[str]:
    """The clusters that have files here, sorted, running or not."""
    try:
        entries = sorted(os.listdir(state_home()))
    except FileNotFoundError:
        return []
    return [entry for entry in entries if _NAME.fullmatch(entry)]
