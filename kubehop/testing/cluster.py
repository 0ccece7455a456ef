"""A running cluster in a test."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import yaml

from kubehop.ends import parse_source
from kubehop.kubernetes.applying import apply_manifests, delete_manifests
from kubehop.kubernetes.client import ApiClient
from kubehop.kubernetes.credentials import load_credentials
from kubehop.kubernetes.deployments import settled
from kubehop.kubernetes.manifests import load_manifests
from kubehop.kubernetes.rollout import await_removal, await_rollout
from kubehop.policy.asking import explained
from kubehop.policy.render import render
from kubehop.testing.connection import Traced, check_blocked, check_reached, trace
from kubehop.testing.pod import Pod
from netcore.model.address import authority
from netcore.model.errors import KubehopError

if TYPE_CHECKING:
    from kubehop.kubernetes.manifests import Manifest

Object = dict[str, Any]
Manifests = str | Path | Object | Iterable[Object]
_READY_TIMEOUT_S = 60.0
_TRACE_TIMEOUT_S = 5.0
_MARGIN_S = 10.0
_KUBECTL_TIMEOUT_S = 120
_MAX_FAILURES = 8


class Cluster:
    """`kubeconfig` is a file of the administrator, for kubectl and client libraries."""

    def __init__(self, name: str, kubeconfig: Path) -> None:
        self.name, self.kubeconfig = name, kubeconfig
        self.credentials = load_credentials(kubeconfig)
        self._failures: list[tuple[str, str]] = []

    def apply(
        self,
        manifests: Manifests,
        namespace: str = "default",
        timeout_s: float = _READY_TIMEOUT_S,
    ) -> list[Object]:
        """Applies a file, a folder, YAML text (with a line's end), an object or objects, and waits
        until pods are Ready, Services have endpoints, and every node knows of it.

        Gives the objects as stored. Raises KubehopError: refused, or not ready in time, and why.
        """
        with self._client() as client:
            applied = apply_manifests(client, _loaded(manifests), namespace)
            await_rollout(client, applied, timeout_s)
        return applied

    def delete(
        self,
        manifests: Manifests,
        namespace: str = "default",
        timeout_s: float = _READY_TIMEOUT_S,
    ) -> None:
        """Deletes what `apply` made of these manifests, and waits until it is gone and no node
        works by it; what is not there is no matter.

        Raises KubehopError: refused, or not gone in time, and why.
        """
        with self._client() as client:
            paths = delete_manifests(client, _loaded(manifests), namespace)
            await_removal(client, paths, timeout_s)

    def pod(self, name: str) -> Pod:
        """A pod: NAME, NAMESPACE/NAME, deploy/NAME, NAMESPACE/deploy/NAME."""
        return Pod(self, name)

    def trace(self, source: str, target: str, timeout_s: float = _TRACE_TIMEOUT_S) -> Traced:
        """Sends one packet as `kubehop trace FROM TO` does. Raises KubehopError."""
        with self._client(timeout_s + _MARGIN_S) as client:
            return trace(client, source, target, "default", timeout_s)

    def explain(self, source: str, target: str) -> str:
        """What `kubehop policy explain FROM TO` prints. Raises KubehopError."""
        with self._client() as client:
            found = explained(client, source, target, "default")
        return "\n".join(line for prediction in found for line in render(prediction))

    def assert_reachable(self, source: str, target: str) -> None:
        """One real packet gets there and is answered. Raises ConnectionFailed, KubehopError."""
        __tracebackhide__ = True
        check_reached(self.trace(source, target), source, target)

    def assert_blocked(self, source: str, target: str, by: str | None = None) -> None:
        """One real packet does not get there; with `by` this policy (namespace/name) denies it, by
        a rule or as one of those that isolate the pod. Raises ConnectionFailed, KubehopError.
        """
        __tracebackhide__ = True
        check_blocked(self.trace(source, target), source, target, by)

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """What kubectl prints. Raises KubehopError with what it says when it fails."""
        try:
            done = subprocess.run(
                ("kubectl", *arguments),
                input=stdin,
                env={**os.environ, "KUBECONFIG": str(self.kubeconfig)},
                capture_output=True,
                text=True,
                timeout=_KUBECTL_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise KubehopError(f"kubectl {' '.join(arguments)}: {error}") from error
        if done.returncode:
            raise KubehopError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def locate(self, name: str) -> tuple[str, str]:
        """Namespace and name of a pod. Raises KubehopError."""
        with self._client() as client:
            place = settled(client, parse_source(name, "default"))
        if place.kind != "pod":
            raise KubehopError(f"{name} is a {place.kind}: commands run in pods")
        return place.namespace, place.name

    def remember_failure(self, source: str, url: str) -> None:
        """A request that failed: it is traced if the test fails, too."""
        if len(self._failures) < _MAX_FAILURES:
            self._failures.append((source, url))

    def take_failures(self) -> list[tuple[str, str]]:
        """(FROM, TO) of the requests that failed since this was asked the last time."""
        found = [(source, _target(url)) for source, url in self._failures]
        self._failures.clear()
        return found

    def _client(self, timeout_s: float = 30.0) -> ApiClient:
        return ApiClient(self.credentials, timeout_s)


def _target(url: str) -> str:
    """Where a URL leads, as TO of a trace."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return authority(parts.hostname or "", port)


def _loaded(manifests: Manifests) -> tuple[Manifest, ...]:
    if isinstance(manifests, str) and "\n" not in manifests:
        manifests = Path(manifests)
    if isinstance(manifests, Path):
        return load_manifests((manifests,))
    if isinstance(manifests, dict):
        manifests = (manifests,)
    text = manifests if isinstance(manifests, str) else yaml.safe_dump_all(list(manifests))
    with tempfile.TemporaryDirectory(prefix="kubehop-") as folder:
        file = Path(folder) / "manifests.yaml"
        file.write_text(text)
        return load_manifests((file,))
