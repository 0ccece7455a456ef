"""Security identities: the number that stands for all pods with the same labels."""

from collections.abc import Mapping
from zlib import crc32

FIRST_POD_IDENTITY = 256
_POD_IDENTITIES = 65536 - FIRST_POD_IDENTITY


def pod_identity(namespace: str, labels: Mapping[str, str]) -> int:
    """A number from 256 to 65535, the same on every node and in every run.

    Cilium hands these numbers out cluster-wide; here they are a hash of the namespace and the
    labels, so that nodes need not agree. Two sets of labels can therefore share a number (with 100
    sets in about 7 of 100 clusters): filter by labels where that matters.
    """
    text = "\0".join([namespace, *(f"{key}={labels[key]}" for key in sorted(labels))])
    return FIRST_POD_IDENTITY + crc32(text.encode()) % _POD_IDENTITIES
