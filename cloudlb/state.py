"""What the cloud knows of the cluster, fed by the control plane's stream."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from netcore.model.change import Batch, Change
from netcore.model.load_balancer import Ingress
from netcore.model.node import Node
from netcore.model.service import Service

_Key = tuple[str, str]


@dataclass(slots=True)
class _Picture:
    nodes: dict[str, Node] = field(default_factory=dict)
    services: dict[_Key, Service] = field(default_factory=dict)
    ingresses: dict[_Key, Ingress] = field(default_factory=dict)

    def apply(self, change: Change) -> None:
        match change.object:
            case Node() as node:
                _put(self.nodes, node.name, node, deleted=change.deleted)
            case Service() as service:
                _put(self.services, service.key, service, deleted=change.deleted)
            case Ingress() as ingress:
                _put(self.ingresses, ingress.key, ingress, deleted=change.deleted)
            case _:
                pass


class CloudState:
    """The last whole picture; `changed` is set whenever there is a newer one."""

    def __init__(self) -> None:
        self.changed = asyncio.Event()
        self._picture = _Picture()
        self._gathering: _Picture | None = _Picture()
        self._position = "", 0
        self._synced = False

    @property
    def nodes(self) -> Mapping[str, Node]:
        return self._picture.nodes

    @property
    def services(self) -> Mapping[_Key, Service]:
        return self._picture.services

    @property
    def ingresses(self) -> Mapping[_Key, Ingress]:
        return self._picture.ingresses

    @property
    def synced(self) -> bool:
        """Whether a whole picture has been received; never false again after that."""
        return self._synced

    @property
    def resume_point(self) -> tuple[str, int]:
        return self._position

    def apply(self, batch: Batch) -> None:
        """Take a batch in."""
        if batch.reset:
            self._gathering = _Picture()
        target = self._picture if self._gathering is None else self._gathering
        for change in batch.changes:
            target.apply(change)
        if batch.synced and self._gathering is not None:
            self._picture, self._gathering, self._synced = self._gathering, None, True
        if self._gathering is None:
            self._position = batch.epoch, batch.revision
            self.changed.set()

    def disconnected(self) -> None:
        """The stream broke: a half-gathered picture is of no use."""
        self._gathering = None if self._synced else _Picture()


def _put(mapping: dict[Any, Any], key: object, value: object, *, deleted: bool) -> None:
    if deleted:
        mapping.pop(key, None)
    else:
        mapping[key] = value
