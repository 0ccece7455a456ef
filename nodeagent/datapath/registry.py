"""The datapaths that a node can be started with, by name."""

from collections.abc import Callable

from nodeagent.datapath.base import Datapath, Site
from nodeagent.datapath.userspace.opening import open_userspace

DATAPATHS: dict[str, Callable[[Site], Datapath]] = {
    "userspace": open_userspace,
}
"""Each may block for some milliseconds while it opens its devices."""
