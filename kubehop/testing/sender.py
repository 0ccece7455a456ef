"""Who sends in a test: a pod, or a client outside. Commands and requests are made from there."""

from __future__ import annotations

import asyncio
import subprocess
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kubehop.ends import Place, Target
from kubehop.kubernetes.execute import Executed, Executor
from kubehop.testing.plainly import plainly
from netcore.model.errors import ConfigError, KubehopError

if TYPE_CHECKING:
    from kubehop.kubernetes.credentials import Credentials
    from kubehop.testing.cluster import Cluster

_CURL_TIMEOUT_S = 5.0
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Response:
    """What curl got. `status` is 0, and `error` says why, where there was no answer."""

    status: int
    body: str
    exit_code: int
    error: str


class Sender(ABC):
    """`name` is how `kubehop trace` names it."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self._cluster, self.name = cluster, name

    @abstractmethod
    def exec(self, *command: str) -> Executed:
        """Runs a command there. Raises KubehopError when it cannot be run."""

    @abstractmethod
    def place(self) -> Place:
        """Where it is now. Raises KubehopError."""

    @plainly
    def curl(self, url: str, *options: str, timeout_s: float = _CURL_TIMEOUT_S) -> Response:
        """Asks for the URL; `options` are curl's. If the test fails and this did, the report has
        the trace of the connection. Raises KubehopError when curl cannot be run.
        """
        done = self.exec(
            "curl", "-sS", "-m", f"{timeout_s:g}", "-w", "\n%{http_code}", *options, url
        )
        body, _, status = done.stdout.decode(errors="replace").rpartition("\n")
        code = int(status) if status.isdecimal() else 0
        if done.exit_code:
            self._cluster.remember_failure(self, url)
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


class Pod(Sender):
    """Named as `kubehop trace` names it: NAME, NAMESPACE/NAME, deploy/NAME."""

    @plainly
    def exec(self, *command: str) -> Executed:
        """Runs a command in its first container. Raises KubehopError when it cannot be run."""
        place = self.place()
        return _run(self._cluster.credentials, place.namespace, place.name, command)

    @plainly
    def place(self) -> Place:
        """The pod that the name stands for now. Raises KubehopError."""
        return self._cluster.locate(self.name)


class Outside(Sender):
    """A client outside of the nodes, where load balancers and node ports are reached."""

    def __init__(self, cluster: Cluster, command: tuple[str, ...]) -> None:
        super().__init__(cluster, "outside")
        self._command = command

    @plainly
    def exec(self, *command: str) -> Executed:
        """Runs a program of this machine there. Raises KubehopError when it cannot be run."""
        try:
            done = subprocess.run(
                (*self._command, *command),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
            )
        except OSError as error:
            raise KubehopError(f"cannot run {command[0]}: {error.strerror}") from error
        return Executed(done.returncode, done.stdout, done.stderr)

    def place(self) -> Place:
        return Place("outside", self.name)


def target_of(url: str, namespace: str) -> Target:
    """Where a URL leads from a pod of `namespace`. Raises ConfigError when it is no URL."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 80)
    except ValueError as error:
        raise ConfigError(f"{url}: {error}") from error
    if not host:
        raise ConfigError(f"{url}: there is no host in it")
    return Target(_place_of(host, namespace), str(port), "TCP")


def _place_of(host: str, namespace: str) -> Place:
    try:
        return Place("address", str(ip_address(host)))
    except ValueError:
        return Place("dns", host, namespace)


def _run(credentials: Credentials, namespace: str, pod: str, command: tuple[str, ...]) -> Executed:
    async def execute() -> Executed:
        async with Executor(credentials) as executor:
            return await executor.run(namespace, pod, command)

    # In a thread of its own, since the test may run in an event loop.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, execute()).result()
