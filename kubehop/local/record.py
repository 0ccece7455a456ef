"""What is written down of a cluster, so that any later command finds and ends it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from kubehop.local.identity import ProcessIdentity

if TYPE_CHECKING:
    from kubehop.local.paths import ClusterPaths


@dataclass(frozen=True, slots=True)
class ClusterRecord:
    """Who runs the cluster, and the kubeconfig files that have got a context of it."""

    supervisor: ProcessIdentity | None = None
    kubeconfigs: tuple[Path, ...] = ()

    def with_kubeconfig(self, path: Path) -> ClusterRecord:
        known = (*self.kubeconfigs, *(() if path in self.kubeconfigs else (path,)))
        return replace(self, kubeconfigs=known)

    @property
    def is_running(self) -> bool:
        return self.supervisor is not None and self.supervisor.is_alive()


def load_record(paths: ClusterPaths) -> ClusterRecord:
    """What is recorded; an empty record where nothing (readable) is."""
    try:
        data = json.loads(paths.record.read_bytes())
        supervisor = data["supervisor"] and ProcessIdentity(**data["supervisor"])
        return ClusterRecord(supervisor, tuple(map(Path, data["kubeconfigs"])))
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError, KeyError):
        return ClusterRecord()


def save_record(paths: ClusterPaths, record: ClusterRecord) -> None:
    """Replaces the record as a whole or not at all."""
    data = {
        "supervisor": record.supervisor and asdict(record.supervisor),
        "kubeconfigs": [str(path) for path in record.kubeconfigs],
    }
    fresh = paths.record.with_name(paths.record.name + ".new")
    with fresh.open("w") as file:
        json.dump(data, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(paths.record)
