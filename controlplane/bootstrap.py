"""What every cluster has from its first moment: the system's namespaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.api.errors import StatusError

if TYPE_CHECKING:
    from controlplane.api.client import Client

NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")


async def ensure_namespaces(client: Client) -> None:
    """Creates the namespaces that are missing. Raises StatusError."""
    for name in NAMESPACES:
        try:
            await client.create("namespaces", {"metadata": {"name": name}})
        except StatusError as error:
            if error.reason != "AlreadyExists":
                raise
