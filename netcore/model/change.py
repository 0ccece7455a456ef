"""Changes of the network's state, as the control plane streams them.

A batch is applied as one: nobody ever sees half of it.
"""

from dataclasses import dataclass

from netcore.model.config import ClusterConfig
from netcore.model.endpoint import EndpointSlice
from netcore.model.load_balancer import Ingress
from netcore.model.namespace import Namespace
from netcore.model.node import Node
from netcore.model.pod import Pod
from netcore.model.policy import Policy
from netcore.model.service import Service


@dataclass(frozen=True, slots=True)
class Manifest:
    """A Kubernetes object whole, as UTF-8 JSON (empty in a deletion)."""

    kind: str
    namespace: str
    name: str
    json: bytes = b""

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.kind, self.namespace, self.name)


NetworkObject = (
    ClusterConfig | Node | Pod | Service | EndpointSlice | Namespace | Manifest | Ingress | Policy
)


@dataclass(frozen=True, slots=True)
class Change:
    """`object` now is as given; when `deleted`, only its key means anything."""

    object: NetworkObject
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """All changes up to `revision` of the store named `epoch`.

    `reset`: what was known before is void. `synced`: nothing newer was waiting to be sent.
    """

    epoch: str
    revision: int
    changes: tuple[Change, ...] = ()
    reset: bool = False
    synced: bool = False


BARRIER = ("kube-system", "kubehop-barrier")
"""A Lease (namespace, name): each write of it makes a batch, even one without changes, so that
whoever wrote it can see who knows of everything before.
"""
