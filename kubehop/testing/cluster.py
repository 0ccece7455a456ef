"""A running cluster in a test."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kubehop.ends import Place, parse_source, parse_target
from kubehop.kubernetes.applying import apply_manifests, delete_manifests
from kubehop.kubernetes.client import ApiClient
from kubehop.kubernetes.credentials import load_credentials
from kubehop.kubernetes.deployments import settled
from kubehop.kubernetes.manifests import load_manifests, manifests_of_objects, manifests_of_text
from kubehop.kubernetes.rollout import await_removal, await_rollout
from kubehop.policy.asking import explained
from kubehop.policy.checking import about
from kubehop.policy.render import render
from kubehop.testing.connection import (
    ConnectionFailed,
    Traced,
    trace,
    why_not_blocked,
    why_not_reached,
)
from kubehop.testing.plainly import plainly
from kubehop.testing.sender import Outside, Pod, target_of
from netcore.model.errors import ConfigError, KubehopError

if TYPE_CHECKING:
    from kubehop.kubernetes.manifests import Manifest
    from kubehop.policy.prediction import Prediction
    from kubehop.testing.sender import Sender

Object = dict[str, Any]
Manifests = str | Path | Object | Iterable[Object]

DEFAULT_NAMESPACE = "default"
_READY_TIMEOUT_S = 60.0
_TRACE_TIMEOUT_S = 5.0
_HTTP_TIMEOUT_S = 30.0
_MARGIN_S = 10.0
_KUBECTL_TIMEOUT_S = 120.0
_MAX_FAILURES = 4


class Cluster:
    """A cluster for tests. Its methods raise KubehopError for what cannot be done.

    `kubeconfig` is a file of the administrator, for kubectl and client libraries. `outside` is
    the command that runs another as a client outside of the nodes; empty: there is no such.
    """

    def __init__(self, name: str, kubeconfig: Path, outside: tuple[str, ...] = ()) -> None:
        self.name, self.kubeconfig = name, kubeconfig
        self.credentials = load_credentials(kubeconfig)
        self._outside = outside
        self._failures: dict[tuple[str, str], Sender] = {}

    @plainly
    def apply(
        self,
        manifests: Manifests,
        namespace: str = DEFAULT_NAMESPACE,
        timeout_s: float = _READY_TIMEOUT_S,
    ) -> list[Object]:
        """Applies a file, a folder, YAML text, an object or objects, in their order, and waits
        until pods are Ready, Services have endpoints, and every node works by all of it.

        Gives the objects as stored. Raises KubehopError: refused, or not ready in time, and why.
        """
        with self._client() as client:
            applied = apply_manifests(client, _loaded(manifests), namespace)
            await_rollout(client, applied, timeout_s)
        return applied

    @plainly
    def delete(
        self,
        manifests: Manifests,
        namespace: str = DEFAULT_NAMESPACE,
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
        """A pod: NAME, NAMESPACE/NAME, deploy/NAME, NAMESPACE/deploy/NAME.

        It is looked up when it is used: it need not be there yet, and may be another later.
        """
        return Pod(self, name)

    @plainly
    def outside(self) -> Outside:
        """A client outside of the nodes. Raises KubehopError when the cluster is not of here."""
        if not self._outside:
            raise KubehopError("outside: only a cluster that runs on this machine has such clients")
        return Outside(self, self._outside)

    @plainly
    def trace(self, source: str, target: str, timeout_s: float = _TRACE_TIMEOUT_S) -> Traced:
        """Sends one packet as `kubehop trace FROM TO` does; to a URL's host and port, if TO is one.

        Raises KubehopError.
        """
        place = parse_source(source, DEFAULT_NAMESPACE)
        if "://" in target:
            wanted = target_of(target, place.namespace or DEFAULT_NAMESPACE)
        else:
            wanted = parse_target(target, DEFAULT_NAMESPACE)
        with self._client(timeout_s + _MARGIN_S) as client:
            return trace(client, place, wanted, timeout_s, self._outside)

    @plainly
    def explain(self, source: str, target: str) -> str:
        """What `kubehop policy explain FROM TO` prints. Raises KubehopError."""
        with self._client() as client:
            return _rendered(explained(client, source, target, DEFAULT_NAMESPACE))

    def assert_reachable(self, source: str, target: str) -> None:
        """One real packet gets there and is answered (a datagram: is delivered).

        Raises ConnectionFailed: it is not; KubehopError: nothing could be sent.
        """
        __tracebackhide__ = True
        found = self.trace(source, target)
        if why := why_not_reached(found, source, target):
            raise ConnectionFailed(why, found.text, self._explanation(found, source, target))

    def assert_blocked(self, source: str, target: str, by: str | None = None) -> None:
        """A policy stops one real packet; with `by` this policy (namespace/name) does, by a rule
        or as one of those that isolate the pod.

        Raises ConnectionFailed: it gets there, or something else stops it, as that nobody
        listens; KubehopError: nothing could be sent.
        """
        __tracebackhide__ = True
        found = self.trace(source, target)
        if why := why_not_blocked(found, source, target, by):
            raise ConnectionFailed(why, found.text, self._explanation(found, source, target))

    @plainly
    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """What kubectl prints. Raises KubehopError with what it says when it fails."""
        told = f"kubectl {' '.join(arguments)}"
        try:
            done = subprocess.run(
                ("kubectl", *arguments),
                input=stdin,
                stdin=None if stdin is not None else subprocess.DEVNULL,
                env={**os.environ, "KUBECONFIG": str(self.kubeconfig)},
                capture_output=True,
                text=True,
                timeout=_KUBECTL_TIMEOUT_S,
                check=False,
            )
        except FileNotFoundError:
            raise KubehopError(f"{told}: there is no kubectl on this machine") from None
        except (OSError, subprocess.TimeoutExpired) as error:
            raise KubehopError(f"{told}: {error}") from error
        if done.returncode:
            raise KubehopError(f"{told}: {done.stderr.strip()}")
        return done.stdout

    def locate(self, name: str) -> Place:
        """The pod that is meant, now. Raises KubehopError."""
        with self._client() as client:
            place = settled(client, parse_source(name, DEFAULT_NAMESPACE))
        if place.kind != "pod":
            raise ConfigError(f"{name} is no pod: commands run in pods")
        return place

    def remember_failure(self, sender: Sender, url: str) -> None:
        """A request that failed: it is traced if the test fails, too. The latest are kept."""
        self._failures.pop((sender.name, url), None)
        self._failures[sender.name, url] = sender
        while len(self._failures) > _MAX_FAILURES:
            del self._failures[next(iter(self._failures))]

    def take_failures(self) -> list[tuple[Sender, str]]:
        """(who, URL) of requests that failed since this was asked the last time, each once."""
        found = [(sender, url) for (_, url), sender in self._failures.items()]
        self._failures.clear()
        return found

    def trace_request(self, sender: Sender, url: str) -> Traced:
        """One packet to where the URL leads. Raises KubehopError."""
        place = sender.place()
        target = target_of(url, place.namespace or DEFAULT_NAMESPACE)
        with self._client(_TRACE_TIMEOUT_S + _MARGIN_S) as client:
            return trace(client, place, target, _TRACE_TIMEOUT_S, self._outside)

    def _explanation(self, found: Traced, source: str, target: str) -> str:
        """Of a Service's endpoints that one which was chosen."""
        try:
            with self._client() as client:
                predictions = explained(client, source, target, DEFAULT_NAMESPACE)
        except KubehopError:  # such as for clients outside: the trace has to do
            return ""
        return _rendered(about(predictions, found.observed.destination))

    def _client(self, timeout_s: float = _HTTP_TIMEOUT_S) -> ApiClient:
        return ApiClient(self.credentials, timeout_s)


def _rendered(predictions: Iterable[Prediction]) -> str:
    return "\n".join(line for each in predictions for line in render(each))


def _loaded(manifests: Manifests) -> tuple[Manifest, ...]:
    match manifests:
        case str() if "\n" in manifests or manifests.lstrip().startswith(("{", "[")):
            return manifests_of_text(manifests, "the text")
        case str() | Path():
            return load_manifests((Path(manifests),))
        case dict():
            return manifests_of_objects((manifests,), "objects")
    return manifests_of_objects(manifests, "objects")
