"""Making, finding and ending clusters: the launcher as its commands use it."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kubehop.local.cleanup import remove_files
from kubehop.local.control import ask
from kubehop.local.identity import ProcessIdentity
from kubehop.local.launch import ADOPTED, LaunchOrder, receive_events
from kubehop.local.locking import cluster_lock
from kubehop.local.logfile import last_line
from kubehop.local.paths import ClusterPaths, cluster_names, cluster_paths
from kubehop.local.readiness import Readiness
from kubehop.local.record import ClusterRecord, load_record, save_record
from kubehop.local.rights import check_tun
from kubehop.local.spec import check
from netcore.model.errors import KubehopError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kubehop.local.spec import ClusterSpec

DEFAULT_WAIT_S = 60.0
_LOCK_PATIENCE_S = 15.0
_END_PATIENCE_S = 10.0


class ClusterExists(KubehopError):
    """A cluster with this name runs already."""


class NoSuchCluster(KubehopError):
    """No cluster with this name runs."""


class LaunchFailed(KubehopError):
    """The cluster's supervisor could not start."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a caller of `create` wants beside the cluster itself."""

    merge_into: Path | None = None
    """The kubeconfig that shall have a context of the cluster."""
    wait_s: float = DEFAULT_WAIT_S
    """How long all nodes may take to be Ready; 0: return when the API server answers."""


def create(spec: ClusterSpec, wishes: Wishes, progress: Callable[[str], None]) -> ClusterPaths:
    """A running cluster. When anything fails or interrupts this call, nothing of it is left.

    `progress` gets one line when each step begins. Raises ConfigError, MissingRights,
    ClusterExists, Busy, LaunchFailed, NotReady.
    """
    check(spec)
    check_tun()
    if wishes.merge_into:
        from kubehop.local.kubeconfig import check_kubeconfig

        check_kubeconfig(wishes.merge_into)
    paths = cluster_paths(spec.name)
    with cluster_lock(paths) as lock:
        if load_record(paths).is_running:
            raise ClusterExists(
                f'a cluster with the name "{spec.name}" already runs: '
                f"end it (kubehop down --name {spec.name}) or choose another --name"
            )
        remove_files(paths)
        with _launched(spec, paths, lock, progress) as lifeline:
            _complete(spec, paths, wishes, progress)
            lifeline.sendall(ADOPTED)
    return paths


def delete(name: str) -> bool:
    """Ends the cluster and removes what is left of it: whether there was anything."""
    paths = cluster_paths(name)
    if not paths.directory.exists() and not paths.lock.exists():
        return False
    with cluster_lock(paths, _LOCK_PATIENCE_S):
        existed = paths.directory.exists()
        if supervisor := load_record(paths).supervisor:
            supervisor.end(_END_PATIENCE_S)
        remove_files(paths)
    return existed


def status(name: str) -> dict[str, Any]:
    """What the cluster's supervisor says. Raises NoSuchCluster or NoAnswer."""
    paths = running(name)
    return ask(paths.control_socket, {"operation": "status"})


def running(name: str) -> ClusterPaths:
    """The files of a cluster that runs. Raises NoSuchCluster."""
    paths = cluster_paths(name)
    if load_record(paths).is_running:
        return paths
    others = ", ".join(running_clusters())
    remedy = f"running: {others}" if others else "start one with: kubehop up"
    killed = " (it was killed: kubehop down removes what is left)" if paths.record.exists() else ""
    raise NoSuchCluster(f'no cluster with the name "{name}" runs{killed}; {remedy}')


def running_clusters() -> list[str]:
    """The names of the clusters that run, sorted."""
    return [name for name in cluster_names() if load_record(cluster_paths(name)).is_running]


def _complete(
    spec: ClusterSpec, paths: ClusterPaths, wishes: Wishes, progress: Callable[[str], None]
) -> None:
    deadline = time.monotonic() + (wishes.wait_s or DEFAULT_WAIT_S)
    readiness = Readiness(paths, deadline)
    progress("Starting the control plane")
    client = readiness.wait_for_api()
    try:
        if wishes.wait_s:
            progress(f"Waiting for {_nodes(spec)} to be Ready")
            readiness.wait_for_nodes(client, {node.name for node in spec.nodes})
            readiness.wait_for_dns(client)
    finally:
        client.close()
    if wishes.merge_into:
        from kubehop.local.kubeconfig import merge_context

        progress(f"Adding the context to {wishes.merge_into}")
        # Written down first: whoever cleans up looks there.
        save_record(paths, load_record(paths).with_kubeconfig(wishes.merge_into))
        merge_context(wishes.merge_into, spec.name, paths.kubeconfig)


def _nodes(spec: ClusterSpec) -> str:
    count = len(spec.nodes)
    return f"{count} node{'s' if count > 1 else ''}"


@contextlib.contextmanager
def _launched(
    spec: ClusterSpec, paths: ClusterPaths, lock: int, progress: Callable[[str], None]
) -> Iterator[socket.socket]:
    """A supervisor that runs and has started all programs; it ends when the body fails.

    Should this process be killed the supervisor sees the lifeline's end and cleans up itself.
    """
    progress(f"Preparing {_nodes(spec)}")
    paths.logs.mkdir(mode=0o700, parents=True)
    paths.directory.chmod(0o700)
    ours, theirs = socket.socketpair()
    with ours:
        try:
            with theirs:
                order = LaunchOrder(spec, paths.directory, theirs.fileno(), lock)
                launcher = _start_supervisor(order)
            with launcher:
                _await_running(ours, paths)
            yield ours
        except BaseException:
            _take_down(ours, paths)
            raise


def _start_supervisor(order: LaunchOrder) -> subprocess.Popen[bytes]:
    with order.paths.log("supervisor").open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "kubehop.local", order.encode()],
            pass_fds=(order.lifeline, order.lock),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd="/",
        )


def _await_running(lifeline: socket.socket, paths: ClusterPaths) -> None:
    for event in receive_events(lifeline):
        if event.kind == "pid":
            _note_supervisor(event.value, paths)
        elif event.kind == "running":
            return
        elif event.kind == "error":
            raise LaunchFailed(event.value)
    reason = last_line(paths.log("supervisor")) or "it wrote no log"
    raise LaunchFailed(f"the cluster's supervisor has ended unexpectedly: {reason}")


def _note_supervisor(pid: int, paths: ClusterPaths) -> None:
    with contextlib.suppress(ProcessLookupError):  # it has ended already: its last words follow
        save_record(paths, ClusterRecord(ProcessIdentity.of(pid)))


def _take_down(lifeline: socket.socket, paths: ClusterPaths) -> None:
    """Tells the supervisor to end, and takes away what it left when it could not clean up."""
    supervisor = load_record(paths).supervisor
    with contextlib.suppress(OSError):  # it is gone already, or too slow: it is killed below
        lifeline.shutdown(socket.SHUT_WR)
        lifeline.settimeout(_END_PATIENCE_S)
        for event in receive_events(lifeline):
            if event.kind == "pid":
                supervisor = ProcessIdentity.of(event.value)
    if supervisor:
        supervisor.end(_END_PATIENCE_S)
    remove_files(paths)
