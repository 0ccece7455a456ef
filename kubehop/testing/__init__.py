"""kubehop in tests: a pytest plugin, and the cluster that it hands out."""

from kubehop.testing.cluster import Cluster
from kubehop.testing.connection import ConnectionFailed
from kubehop.testing.pod import Pod, Response

__all__ = ["Cluster", "ConnectionFailed", "Pod", "Response"]
