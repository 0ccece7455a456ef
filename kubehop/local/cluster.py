"""Making, finding and ending clusters: the launcher as its commands use it."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from kubehop.local.cleanup import remove_files
from kubehop.local.control import ask
from kubehop.local.launch import LaunchOrder, Lifeline
from kubehop.local.locking import cluster_lock
from kubehop.local.logfile import last_line
from kubehop.local.outer_pids import outer_pids
from kubehop.local.paths import ClusterPaths, cluster_names, cluster_paths
from kubehop.local.readiness import Readiness
from kubehop.local.record import load_record, save_record
from kubehop.local.rights import check_ipv6, check_tun
from kubehop.local.spec import check
from netcore.model.errors import KubehopError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kubehop.local.spec import ClusterSpec

DEFAULT_WAIT_S = 60.0
_LOCK_PATIENCE_S = 15.0
_END_PATIENCE_S = 10.0


class NoSuchCluster(KubehopError):
    """No cluster with this name runs."""


class LaunchFailed(KubehopError):
    """The cluster's supervisor could not start, or another cluster or command is in its place."""


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
    LaunchFailed, NotReady.
    """
    paths = _checked(spec, wishes)
    with _launched(spec, paths, progress) as lifeline:
        _complete(spec, paths, wishes, progress)
        lifeline.adopt()
    return paths


@contextlib.contextmanager
def borrowed(
    spec: ClusterSpec, wishes: Wishes, progress: Callable[[str], None]
) -> Iterator[ClusterPaths]:
    """A running cluster for the time of the body; nothing of it is left afterwards.

    It also ends when this process is killed. Raises as `create` does.
    """
    paths = _checked(spec, wishes)
    with _launched(spec, paths, progress):
        _complete(spec, paths, wishes, progress)
        yield paths


def _checked(spec: ClusterSpec, wishes: Wishes) -> ClusterPaths:
    check(spec)
    check_tun()
    check_ipv6(spec.versions)
    if wishes.merge_into:
        from kubehop.local.kubeconfig import check_kubeconfig

        check_kubeconfig(wishes.merge_into)
    return cluster_paths(spec.name)


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
    """What the cluster's supervisor says, with pids as they are here, None where a program does
    not run. Raises NoSuchCluster or NoAnswer.
    """
    paths = running(name)
    found = ask(paths.control_socket, {"operation": "status"})
    supervisor = load_record(paths).supervisor
    pids = outer_pids(supervisor.pid) if supervisor else {}
    for component in found["components"]:
        component["pid"] = pids.get(component["pid"])
    return found


def running(name: str) -> ClusterPaths:
    """The files of a cluster that runs. Raises NoSuchCluster."""
    paths = cluster_paths(name)
    if load_record(paths).is_running:
        return paths
    others = ", ".join(running_clusters())
    remedy = f"choose with --name: {others}" if others else "start one with: kubehop up"
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
    spec: ClusterSpec, paths: ClusterPaths, progress: Callable[[str], None]
) -> Iterator[Lifeline]:
    """A supervisor that runs and has started all programs; it ends with the body, unless that
    has adopted the cluster.

    The supervisor makes all files. Should this process be killed it sees the lifeline's end and
    takes them away again.
    """
    progress(f"Preparing {_nodes(spec)}")
    ours, theirs = socket.socketpair()
    with ours, tempfile.TemporaryFile() as output:
        lifeline = Lifeline(ours)
        with theirs:
            order = LaunchOrder(spec, paths.directory, theirs.fileno())
            supervisor = _start_supervisor(order, output)
        with supervisor:
            try:
                _await_running(lifeline, paths, output)
                yield lifeline
            finally:
                if not lifeline.adopted:
                    _take_down(lifeline, paths, supervisor)


def _start_supervisor(order: LaunchOrder, output: IO[bytes]) -> subprocess.Popen[bytes]:
    """`output` gets what it says before it has a log of its own."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "kubehop.local", order.encode()],
        pass_fds=(order.lifeline,),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
        cwd="/",
    )


def _await_running(lifeline: Lifeline, paths: ClusterPaths, output: IO[bytes]) -> None:
    for event in lifeline.events():
        if event.kind == "error":
            raise LaunchFailed(event.value)
        if lifeline.seen >= {"recorded", "running"}:  # by two processes, in any order
            return
    reason = last_line(paths.log("supervisor")) or _text(output) or "it wrote no log"
    raise LaunchFailed(f"the cluster's supervisor has ended unexpectedly: {reason}")


def _text(output: IO[bytes]) -> str:
    output.seek(0)
    return output.read().decode(errors="replace").strip()


def _take_down(
    lifeline: Lifeline, paths: ClusterPaths, supervisor: subprocess.Popen[bytes]
) -> None:
    """Tells the supervisor to end, and takes away what it left when it could not clean up."""
    with contextlib.suppress(OSError):  # it is gone already, or too slow: it is killed below
        lifeline.end(_END_PATIENCE_S)
    if "cleaned" in lifeline.seen:
        return
    supervisor.kill()
    if "recorded" in lifeline.seen and (init := load_record(paths).supervisor):
        init.end(_END_PATIENCE_S)
    with cluster_lock(paths, _LOCK_PATIENCE_S):
        if not load_record(paths).is_running:
            remove_files(paths)
