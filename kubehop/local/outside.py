"""The network around a cluster's nodes, where its clients from outside are."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from kubehop.local.control import ask
from kubehop.local.netns import CLONE_NEWNET, CLONE_NEWUSER, setns
from kubehop.local.record import load_record
from netcore.model.errors import KubehopError

if TYPE_CHECKING:
    from kubehop.local.paths import ClusterPaths

_KUBEHOP = "import sys; from kubehop.cli.main import main; sys.exit(main())"


def outside_command(cluster: str) -> tuple[str, ...]:
    """What runs a command there, when that is written behind it."""
    return (sys.executable, "-P", "-c", _KUBEHOP, "outside", "--name", cluster, "--")


def go_outside(paths: ClusterPaths) -> None:
    """The calling process, which has one thread, is in that network from now on.

    Raises NoAnswer, or KubehopError when the cluster belongs to another user.
    """
    supervisor = load_record(paths).supervisor
    found = ask(paths.control_socket, {"operation": "status"}).get("outsideNetns")
    if supervisor is None or not isinstance(found, int):
        raise KubehopError(f'cluster "{paths.name}" does not tell its network: start it anew')
    process = f"/proc/{supervisor.pid}"
    try:
        if os.geteuid() != 0:  # an ordinary user's cluster has a user namespace around it
            _enter(f"{process}/ns/user", CLONE_NEWUSER)
        _enter(f"{process}/fd/{found}", CLONE_NEWNET)
    except OSError as error:
        raise KubehopError(
            f'cannot enter the network of cluster "{paths.name}": {error.strerror}; '
            "only who started it may"
        ) from error


def _enter(path: str, kind: int) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        setns(descriptor, kind)
    finally:
        os.close(descriptor)
