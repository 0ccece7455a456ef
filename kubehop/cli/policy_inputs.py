"""What the policy commands work on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubehop.cli.options import credentials

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from kubehop.kubernetes.client import ApiClient
    from kubehop.policy.world import World

POLICY_KINDS = ("NetworkPolicy", "AdminNetworkPolicy", "BaselineAdminNetworkPolicy")


def policies_of(
    client: ApiClient, filenames: Iterable[Path], namespace: str = "default"
) -> list[dict[str, Any]]:
    """The policies of any kind in files and folders, whatever else is in them, with defaults.

    The API server has looked at each as if it were new. Raises ConfigError, or NotApplied for
    what it would refuse.
    """
    from kubehop.kubernetes.applying import checked_manifests
    from kubehop.kubernetes.manifests import load_manifests

    loaded = load_manifests(tuple(filenames))
    policies = [each for each in loaded if each.object["kind"] in POLICY_KINDS]
    return checked_manifests(client, policies, namespace)


def api_client(name: str, kubeconfig: Path | None) -> ApiClient:
    """Of the cluster that the options chose. Raises NoSuchCluster or ConfigError."""
    from kubehop.kubernetes.client import ApiClient

    return ApiClient(credentials(name, kubeconfig))


def world_of(name: str, kubeconfig: Path | None) -> World:
    """That cluster as it is now. Raises KubehopError."""
    from kubehop.policy.world import read_world

    with api_client(name, kubeconfig) as client:
        return read_world(client)
