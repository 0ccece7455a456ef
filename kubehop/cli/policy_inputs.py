"""What the policy commands work on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubehop.cli.options import credentials

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from kubehop.kubernetes.client import ApiClient
    from kubehop.policy.world import World


def policies_of(filenames: Iterable[Path]) -> list[dict[str, Any]]:
    """The NetworkPolicies of files and folders, whatever else is in them. Raises ConfigError."""
    from kubehop.kubernetes.manifests import load_manifests

    objects = (each.object for each in load_manifests(tuple(filenames)))
    return [each for each in objects if each["kind"] == "NetworkPolicy"]


def api_client(name: str, kubeconfig: Path | None) -> ApiClient:
    """Of the cluster that the options chose. Raises NoSuchCluster or ConfigError."""
    from kubehop.kubernetes.client import ApiClient

    return ApiClient(credentials(name, kubeconfig))


def world_of(name: str, kubeconfig: Path | None) -> World:
    """That cluster as it is now. Raises KubehopError."""
    from kubehop.policy.world import read_world

    return read_world(api_client(name, kubeconfig))
