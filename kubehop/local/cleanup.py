"""What is left of a cluster when its processes are gone, and taking it away."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from kubehop.local.record import load_record

if TYPE_CHECKING:
    from kubehop.local.paths import ClusterPaths


def remove_files(paths: ClusterPaths) -> None:
    """Removes the cluster's kubeconfig contexts and its folder. What is not there is no error.

    The caller holds the cluster's lock and no process of it runs any more. Raises KubehopError
    naming a kubeconfig that cannot be edited; the folder is gone then, too.
    """
    kubeconfigs = load_record(paths).kubeconfigs
    try:
        if kubeconfigs:
            from kubehop.local.kubeconfig import remove_context

            for path in kubeconfigs:
                remove_context(path, paths.name)
    finally:
        shutil.rmtree(paths.directory, ignore_errors=True)
