"""`/metrics` in the Prometheus text format: requests by method and code, the store."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from controlplane.store.base import Store


class Metrics:
    """Counts what was served."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._requests: Counter[tuple[str, int]] = Counter()

    def count(self, method: str, code: int) -> None:
        """One request was answered."""
        self._requests[method, code] += 1

    def render(self) -> str:
        """All figures."""
        lines = ["# TYPE apiserver_request_total counter"]
        for (method, code), count in sorted(self._requests.items()):
            lines.append(f'apiserver_request_total{{verb="{method}",code="{code}"}} {count}')
        lines.append("# TYPE kubehop_store_revision counter")
        lines.append(f"kubehop_store_revision {self._store.revision()}")
        return "\n".join(lines) + "\n"
