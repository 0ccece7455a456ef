"""Durations counted into buckets, for who counts them without knowing of metrics."""

from __future__ import annotations

from bisect import bisect_left

BOUNDS_S = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0)
"""As client-go's workqueue has them, to two digits less."""


class Durations:
    """How many were how long."""

    def __init__(self) -> None:
        self.total_s = 0.0
        self._counts = [0] * (len(BOUNDS_S) + 1)

    def add(self, seconds: float) -> None:
        self.total_s += seconds
        self._counts[bisect_left(BOUNDS_S, seconds)] += 1

    def buckets(self) -> list[tuple[str, float]]:
        """Cumulative, by upper bound; the last one is `+Inf`."""
        bounds = [*map(repr, BOUNDS_S), "+Inf"]
        sums = (sum(self._counts[: end + 1]) for end in range(len(bounds)))
        return [(bound, float(count)) for bound, count in zip(bounds, sums, strict=True)]
