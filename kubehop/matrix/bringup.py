"""One proxy mode from nothing to the end of the command, and nothing of it left."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kubehop.kubernetes.applying import apply_manifests
from kubehop.kubernetes.client import ApiClient
from kubehop.kubernetes.credentials import load_credentials
from kubehop.kubernetes.rollout import NotRolledOut, await_rollout
from kubehop.local.cluster import Wishes, borrowed
from kubehop.matrix.running import run_command
from kubehop.matrix.trial import Trial
from netcore.model.errors import ConfigError
from netcore.model.node import PROXY_MODE_LABEL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kubehop.kubernetes.manifests import Manifest
    from kubehop.local.paths import ClusterPaths
    from kubehop.local.spec import ClusterSpec

_RANDOM_BYTES = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """What is the same under every mode. The nodes of `spec` keep their names."""

    spec: ClusterSpec
    manifests: Sequence[Manifest]
    command: Sequence[str]
    timeout_s: float
    """For what is applied to become ready."""


def check_nodes(spec: ClusterSpec) -> None:
    """Raises ConfigError when a node has a proxy mode of its own: no mode would be tried there."""
    for node in spec.nodes:
        if PROXY_MODE_LABEL in dict(node.labels):
            raise ConfigError(
                f"node {node.name} has the label {PROXY_MODE_LABEL}, which wins over the mode "
                "that is to be tried: take it out of the file"
            )


def cluster_name(mode: str) -> str:
    """A name that no other cluster has, however many matrices run side by side."""
    return f"matrix-{secrets.token_hex(_RANDOM_BYTES)}-{mode}"


def run_under(mode: str, plan: Plan, progress: Callable[[str], None]) -> Trial:
    """The command under `mode`, in a cluster for it alone, which is gone afterwards.

    A mode under which the pods do not become ready is a Trial with a problem. Raises NotApplied
    for a manifest that no mode would take, CannotRun, and what `borrowed` raises.
    """
    spec = replace(plan.spec, name=cluster_name(mode), proxy_mode=mode)
    with borrowed(spec, Wishes(), progress) as paths:
        trial = _tried(mode, plan, paths, progress)
        progress("Taking the cluster down")
    return trial


def _tried(mode: str, plan: Plan, paths: ClusterPaths, progress: Callable[[str], None]) -> Trial:
    try:
        _deploy(paths, plan, progress)
    except NotRolledOut as error:
        return Trial(mode, problem=str(error))
    progress(f"Running {plan.command[0]}")
    environment = {
        **os.environ,
        "KUBECONFIG": str(paths.kubeconfig),
        "KUBEHOP_CLUSTER": paths.name,
        "KUBEHOP_PROXY_MODE": mode,
    }
    return Trial(mode, run_command(plan.command, environment))


def _deploy(paths: ClusterPaths, plan: Plan, progress: Callable[[str], None]) -> None:
    client = ApiClient(load_credentials(paths.kubeconfig))
    try:
        count = len(plan.manifests)
        progress(f"Applying {count} object{'s' if count > 1 else ''}")
        applied = apply_manifests(client, plan.manifests)
        progress("Waiting for pods, endpoints and nodes")
        await_rollout(client, applied, plan.timeout_s)
    finally:
        client.close()
