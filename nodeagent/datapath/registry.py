"""The datapaths that a node can be started with, by name."""

from collections.abc import Callable

from netcore.pipeline.snapshot import Snapshot
from nodeagent.datapath.base import Datapath
from nodeagent.datapath.userspace.datapath import UserspaceDatapath
from nodeagent.edges.vxlan_socket import VxlanSocket

DATAPATHS: dict[str, Callable[[Snapshot, VxlanSocket, int, bytes], Datapath]] = {
    "userspace": UserspaceDatapath,
}
"""Name -> (snapshot, tunnel, host TAP descriptor, VTEP MAC) -> datapath."""
