"""Asks the control plane for traces of single packets, and sends those that come from outside."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from kubehop.kubernetes.paths import TRACES_PATH
from netcore.model.errors import KubehopError

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubehop.kubernetes.client import ApiClient
    from kubehop.kubernetes.trace_ends import Destination, Source

Line = dict[str, Any]
MAX_ADDRESSES = 1024
_QUIET_S = 0.3
_MARGIN_S = 3.0
_PROGRAM = (sys.executable, "-m", "nodeagent.workloads.packet.main")


def send_inside(client: ApiClient, source: Source, to: Destination, timeout_s: float) -> list[Line]:
    """The lines about one packet that a pod or a node sends. Raises ApiError, ApiUnreachable."""
    body = {
        "from": source.as_json(),
        "to": to.as_json(),
        "addresses": list(to.watch[: MAX_ADDRESSES - len(source.addresses)]),
        "timeoutSeconds": timeout_s,
    }
    return list(client.stream(TRACES_PATH, body))


def send_outside(
    client: ApiClient, to: Destination, timeout_s: float, outside: tuple[str, ...]
) -> list[Line]:
    """The lines about one packet of a client outside. `outside` is a command that takes the
    command behind it there.

    Raises ApiError, ApiUnreachable, KubehopError: the sending program could not be started.
    """
    watch = Watch(client, to.watch or (to.host,), timeout_s + _MARGIN_S)
    armed = watch.first()
    said = _run(outside, to, str(armed.get("id", "")), timeout_s)
    return [armed, *said, *watch.until_quiet(time.monotonic() + _MARGIN_S)]


def watch_live(
    client: ApiClient,
    addresses: tuple[str, ...],
    timeout_s: float,
    is_meant: Callable[[Line], bool],
) -> list[Line]:
    """The lines of what passes until a packet is meant and its flow is quiet, or the timeout."""
    deadline = time.monotonic() + timeout_s
    watch = Watch(client, addresses, timeout_s)
    lines = [watch.first()]
    while (line := watch.next(deadline - time.monotonic())) is not None:
        lines.append(line)
        if is_meant(line):
            return lines + watch.until_quiet(time.monotonic() + _MARGIN_S)
    return lines


class Watch:
    """A running watch of some addresses. It ends with this process, or after `timeout_s`."""

    def __init__(self, client: ApiClient, addresses: tuple[str, ...], timeout_s: float) -> None:
        self._seen: queue.SimpleQueue[Line | KubehopError | None] = queue.SimpleQueue()
        self._client = client
        self._timeout_s = timeout_s
        self._body = {
            "addresses": list(addresses[:MAX_ADDRESSES]),
            "timeoutSeconds": timeout_s,
        }
        # A daemon: nobody waits for a stream whose packet has been seen.
        threading.Thread(target=self._read, daemon=True).start()

    def first(self) -> Line:
        """The line which says that the nodes watch. Raises KubehopError, ApiError."""
        found = self.next(self._timeout_s)
        if found is None:
            raise KubehopError(f"the nodes did not begin to watch within {self._timeout_s:g} s")
        return found

    def next(self, wait_s: float) -> Line | None:
        """The next line; None after `wait_s` or at the end. Raises ApiError, ApiUnreachable."""
        try:
            found = self._seen.get(timeout=max(0.0, wait_s))
        except queue.Empty:
            return None
        if isinstance(found, KubehopError):
            raise found
        return found

    def until_quiet(self, deadline_s: float) -> list[Line]:
        """What still comes, until nothing does for a moment or the monotonic deadline is over."""
        lines: list[Line] = []
        while time.monotonic() < deadline_s and (line := self.next(_QUIET_S)) is not None:
            lines.append(line)
        return lines

    def _read(self) -> None:
        try:
            for line in self._client.stream(TRACES_PATH, self._body):
                self._seen.put(line)
        except KubehopError as error:
            self._seen.put(error)
        self._seen.put(None)


def _run(outside: tuple[str, ...], to: Destination, trace_id: str, timeout_s: float) -> list[Line]:
    options = (
        f"-protocol={to.protocol}",
        f"-port={to.port}",
        f"-timeout={timeout_s:g}",
        f"-id={trace_id}",
    )
    try:
        done = subprocess.run(
            (*outside, *_PROGRAM, *options, to.host),
            capture_output=True,
            timeout=timeout_s + _MARGIN_S,
            check=False,
        )
        said = [json.loads(line) for line in done.stdout.splitlines()]
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise KubehopError(f"cannot send from outside: {error}") from error
    stderr = done.stderr.decode(errors="replace")
    return [*said, {"type": "result", "exitCode": done.returncode, "stderr": stderr}]
