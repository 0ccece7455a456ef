"""The order of a list into which another one was merged."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

Key = TypeVar("Key", bound="Hashable")


def merged_order(wanted: Sequence[Key], live: Sequence[Key]) -> list[Key]:
    """All keys once: those of `wanted` in their order, the others of `live` put in between.

    A key that only `live` has stands before the first wanted key which comes after it in
    `live`, and the others of `live` keep their order among themselves.
    Source: mergeSortedSlice in k8s.io/apimachinery pkg/util/strategicpatch.
    """
    rank = {key: index for index, key in enumerate(live)}
    result = list(dict.fromkeys(wanted))
    chosen = set(result)
    start = 0
    for key in dict.fromkeys(live):
        if key not in chosen:
            start = _place(result, start, rank, key)
            result.insert(start, key)
            start += 1
    return result


def _place(result: Sequence[Key], start: int, rank: Mapping[Key, int], key: Key) -> int:
    for index in range(start, len(result)):
        if rank.get(result[index], -1) > rank[key]:
            return index
    return len(result)
