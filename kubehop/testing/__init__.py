"""kubehop in tests: a pytest plugin, and the cluster that it hands out."""

from kubehop.kubernetes.execute import Executed
from kubehop.testing.cluster import Cluster
from kubehop.testing.connection import ConnectionFailed, Traced
from kubehop.testing.sender import Outside, Pod, Response

__all__ = ["Cluster", "ConnectionFailed", "Executed", "Outside", "Pod", "Response", "Traced"]
