"""A pod in a test: run commands in it, ask for URLs from it."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubehop.kubernetes.execute import Executed, Executor

if TYPE_CHECKING:
    from kubehop.kubernetes.credentials import Credentials
    from kubehop.testing.cluster import Cluster


@dataclass(frozen=True, slots=True)
class Response:
    """What curl got. `status` is 0, and `error` says why, where there was no answer."""

    status: int
    body: str
    exit_code: int
    error: str


class Pod:
    """Named as `kubehop trace` names it: NAME, NAMESPACE/NAME, deploy/NAME."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self._cluster, self.name = cluster, name

    def exec(self, *command: str) -> Executed:
        """Runs a command in its first container. Raises KubehopError when it cannot be run."""
        namespace, pod = self._cluster.locate(self.name)
        return _run(self._cluster.credentials, namespace, pod, command)

    def curl(self, url: str, *options: str, timeout_s: float = 5) -> Response:
        """Asks for the URL; `options` are curl's. If the test fails and this did, the report has
        the trace of the connection.
        """
        done = self.exec(
            "curl", "-sS", "-m", f"{timeout_s:g}", "-w", "\n%{http_code}", *options, url
        )
        body, _, status = done.stdout.decode(errors="replace").rpartition("\n")
        code = int(status) if status.isdecimal() else 0
        if done.exit_code:
            self._cluster.remember_failure(self.name, url)
        error = done.stderr.decode(errors="replace").strip()
        return Response(code, body, done.exit_code, error)

    def assert_reachable(self, target: str) -> None:
        """See Cluster.assert_reachable."""
        __tracebackhide__ = True
        self._cluster.assert_reachable(self.name, target)

    def assert_blocked(self, target: str, by: str | None = None) -> None:
        """See Cluster.assert_blocked."""
        __tracebackhide__ = True
        self._cluster.assert_blocked(self.name, target, by)


def _run(credentials: Credentials, namespace: str, pod: str, command: tuple[str, ...]) -> Executed:
    async def execute() -> Executed:
        async with Executor(credentials) as executor:
            return await executor.run(namespace, pod, command)

    # In a thread of its own, since the test may run in an event loop.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, execute()).result()
