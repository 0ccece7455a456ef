"""The `ready` plugin: whether every plugin is able to answer."""

from collections.abc import Iterable
from typing import Protocol


class Readiness(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def ready(self) -> bool: ...


def ready(plugins: Iterable[Readiness]) -> tuple[int, str]:
    """200 OK, or 503 with the names of the plugins that are not ready."""
    waiting = [plugin.name for plugin in plugins if not plugin.ready]
    return (503, ",".join(waiting)) if waiting else (200, "OK")
