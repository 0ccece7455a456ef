"""Maglev hashing: each backend gets an equal share of a table, and few entries change hands
when one comes or goes.

Source: Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer", NSDI
2016, section 3.4.
"""

from array import array
from collections.abc import Sequence
from hashlib import blake2b

TABLE_SIZE = 16_381
"""A prime, at least 100 times the number of backends: Cilium's default."""


def maglev_table(names: Sequence[bytes], size: int = TABLE_SIZE) -> Sequence[int]:
    """For each entry the position in `names` that it belongs to.

    `names` are distinct, at least one and less than `size`, which is prime. The table depends
    on the names in it alone, not on their order.
    """
    order = sorted(range(len(names)), key=names.__getitem__)
    places = []
    for number in order:
        digest = blake2b(names[number], digest_size=16).digest()
        offset = int.from_bytes(digest[:8], "big") % size
        skip = int.from_bytes(digest[8:], "big") % (size - 1) + 1
        places.append((offset, skip))
    table = array("i", [-1]) * size
    filled = 0
    while True:
        for at, (place, skip) in enumerate(places):
            while table[place] >= 0:
                place = (place + skip) % size
            table[place] = order[at]
            places[at] = (place, skip)
            filled += 1
            if filled == size:
                return table


def maglev_entry(flow: bytes, size: int = TABLE_SIZE) -> int:
    """Which entry of the table a flow looks at."""
    return int.from_bytes(blake2b(flow, digest_size=8).digest(), "big") % size
