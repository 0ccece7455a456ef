"""One command at a time works on a cluster."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from kubehop.local.paths import ClusterPaths
from netcore.model.errors import KubehopError

_POLL_S = 0.05


class Busy(KubehopError):
    """Another command holds the cluster's lock."""


@contextmanager
def cluster_lock(paths: ClusterPaths, timeout_s: float = 0.0) -> Iterator[None]:
    """Holds the cluster's lock; its file is gone afterwards. Raises Busy after `timeout_s`.

    A forked process holds it, too. The kernel releases it when the holders die, so that no
    crash leaves it taken.
    """
    descriptor = _acquire(paths, time.monotonic() + timeout_s)
    try:
        yield
    finally:
        _remove(paths)
        os.close(descriptor)


def _remove(paths: ClusterPaths) -> None:
    """The lock's file, and with the last cluster the folder of all clusters."""
    paths.lock.unlink(missing_ok=True)
    with suppress(OSError):
        paths.lock.parent.rmdir()


def _acquire(paths: ClusterPaths, deadline: float) -> int:
    while True:
        descriptor = _open(paths)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_current(descriptor, paths):
                return descriptor
            os.close(descriptor)  # the holder before removed this file: take the next one
            continue
        except BlockingIOError:
            os.close(descriptor)
        if time.monotonic() >= deadline:
            raise Busy(
                f'another kubehop command is working on the cluster "{paths.name}": '
                "wait for it or end it (Ctrl-C), then try again"
            )
        time.sleep(_POLL_S)


def _open(paths: ClusterPaths) -> int:
    folder = paths.lock.parent
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return os.open(paths.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            # The end of another lock may remove the folder between any two of these steps.
            gone = isinstance(error, FileNotFoundError | FileExistsError) and not folder.exists()
            if not gone:
                raise KubehopError(
                    f"cannot keep the cluster's files in {folder}: {error}"
                ) from error


def _is_current(descriptor: int, paths: ClusterPaths) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(paths.lock))
    except FileNotFoundError:
        return False
