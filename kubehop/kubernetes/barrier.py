"""Whether every node knows of everything that was written before."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from kubehop.kubernetes.client import ApiError
from kubehop.kubernetes.paths import dump_path, namespaced
from netcore.model.change import BARRIER

if TYPE_CHECKING:
    from kubehop.kubernetes.client import ApiClient

_LEASES = "coordination.k8s.io/v1"


def raise_barrier(client: ApiClient) -> int:
    """A revision that nodes are told of; who has it has all that was written before, also
    deletions and what changed nothing for the network. Raises ApiError, ApiUnreachable.
    """
    namespace, name = BARRIER
    # Microseconds: a write that changes nothing is none.
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    lease = {
        "apiVersion": _LEASES,
        "kind": "Lease",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"renewTime": now},
    }
    stored = client.apply(f"{namespaced(_LEASES, 'leases', namespace)}/{name}", lease)
    return int(stored["metadata"]["resourceVersion"])


def node_behind(client: ApiClient, revision: int) -> str:
    """Which node does not work by the revision yet, or cannot be asked; empty: all do.

    Raises ApiError, ApiUnreachable.
    """
    for node in client.get("/api/v1/nodes")["items"]:
        name = node["metadata"]["name"]
        try:
            known = client.get(dump_path(name), {"table": "fdb"})["revision"]
        except ApiError as error:
            return f"node {name}: {error}"
        if known < revision:
            return f"node {name} has not yet the Services, endpoints and policies of now"
    return ""
