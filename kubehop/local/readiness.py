"""When a started cluster is complete, and why it will not be."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from kubehop.kubernetes.client import ApiClient, ApiError, ApiUnreachable
from kubehop.kubernetes.conditions import is_ready
from kubehop.kubernetes.credentials import load_credentials
from kubehop.local.control import NoAnswer, ask
from kubehop.local.logfile import last_line
from netcore.model.errors import KubehopError

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubehop.local.paths import ClusterPaths

_POLL_S = 0.03
_HEALTH_POLL_S = 0.3
_DEATHS_ALLOWED = 3


class NotReady(KubehopError):
    """The cluster will not be complete; the message says why."""


class Readiness:
    """Waits for the parts of one cluster until `deadline` (monotonic seconds)."""

    def __init__(self, paths: ClusterPaths, deadline: float) -> None:
        self._paths, self._deadline = paths, deadline
        self._next_health_check = 0.0

    def wait_for_api(self) -> ApiClient:
        """A client of the API server that has answered. Raises NotReady."""
        self._wait(self._paths.kubeconfig.exists, lambda: "the control plane does not start")
        client = ApiClient(load_credentials(self._paths.kubeconfig))
        self._wait(lambda: _answers(client), lambda: "the API server does not answer")
        return client

    def wait_for_nodes(self, client: ApiClient, wanted: set[str]) -> None:
        """All `wanted` nodes are Ready. Raises NotReady naming those that are not."""
        missing = set(wanted)

        def all_ready() -> bool:
            missing.difference_update(ready_nodes(client))
            return not missing

        self._wait(all_ready, lambda: f"not Ready: {', '.join(sorted(missing))}")

    def wait_for_dns(self, client: ApiClient) -> None:
        """Pods can resolve names: kube-dns has an endpoint. Raises NotReady."""
        self._wait(lambda: _has_dns(client), lambda: "the DNS server is not ready")

    def _wait(self, condition: Callable[[], bool], problem: Callable[[], str]) -> None:
        while not condition():
            now = time.monotonic()
            if now >= self._deadline:
                raise NotReady(f"the cluster is not complete in time: {problem()}")
            if now >= self._next_health_check:
                self._next_health_check = now + _HEALTH_POLL_S
                self._check_components()
            time.sleep(_POLL_S)

    def _check_components(self) -> None:
        try:
            status = ask(self._paths.control_socket, {"operation": "status"})
        except NoAnswer as error:
            raise NotReady(f"the cluster's supervisor has ended: {error}") from error
        for component in status["components"]:
            if _is_hopeless(component):
                name = component["name"]
                reason = last_line(self._paths.log(name)) or "it wrote no log"
                code = component["lastExitCode"]
                raise NotReady(f"{name} does not start (exit code {code}): {reason}")


def ready_nodes(client: ApiClient) -> set[str]:
    """The names of the nodes whose condition Ready is True."""
    nodes = client.get("/api/v1/nodes")["items"]
    return {node["metadata"]["name"] for node in nodes if is_ready(node)}


def _has_dns(client: ApiClient) -> bool:
    try:
        endpoints = client.get("/api/v1/namespaces/kube-system/endpoints/kube-dns")
    except ApiError as error:
        if error.code == 404:  # the control plane makes it a moment after its start
            return False
        raise
    return any(subset.get("addresses") for subset in endpoints.get("subsets") or ())


def _answers(client: ApiClient) -> bool:
    try:
        client.get("/version")
    except ApiUnreachable:
        return False
    return True


def _is_hopeless(component: dict[str, Any]) -> bool:
    """Exit code 2 says: wrong configuration or a taken port, which no restart mends."""
    code, restarts = component["lastExitCode"], component["restarts"]
    return bool(code == 2 or restarts >= _DEATHS_ALLOWED)
