"""What is measured: the same three pods and the same Service, made in one way or the other."""

import contextlib
import http.client
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.place import Place, ProbeFailed
from kubehop.local.netns import run_in_netns

HTTP_PORT: Final = 80
POD_MTU: Final = 1450
_PATIENCE_S = 15.0

_NGINX_CONF = """daemon off;
master_process off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  server {{
    listen {port};
    location / {{ default_type text/plain; return 200 "{body}"; }}
  }}
}}
"""
_BODY = "a hundred and twenty-eight bytes of answer".ljust(128, ".")


@dataclass(frozen=True, slots=True)
class NodePlan:
    """A node's addresses."""

    underlay: str
    pod_cidr: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The addresses of both ways: those which the kubehop cluster gave."""

    nodes: tuple[NodePlan, NodePlan]
    client: str
    neighbour: str
    """A pod beside the client, on the first node."""
    server: str
    """On the second node; the Service's only endpoint."""
    service: str


@dataclass(frozen=True, slots=True)
class Site:
    """One of the two ways, ready to be measured."""

    name: str
    plan: Plan
    client: Place
    neighbour: Place
    server: Place
    first_request_ms: Callable[[], float] | None = None
    """A request by the Service's DNS name; None: this way has no DNS."""
    agent_memory_mb: Callable[[], float] | None = None


@contextlib.contextmanager
def serving_http(site: Site, folder: Path) -> Iterator[None]:
    """nginx in the server pod, which has answered the client once through the ClusterIP."""
    conf = folder / f"{site.name}.conf"
    conf.write_text(_NGINX_CONF.format(folder=folder, port=HTTP_PORT, body=_BODY))
    with site.server.serving(HTTP_PORT, "nginx", "-c", str(conf), "-p", str(folder)):
        _await_answer(site)
        yield


def _await_answer(site: Site) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return run_in_netns(site.client.netns, lambda: _get(site.plan.service))
        except (OSError, http.client.HTTPException) as error:
            if time.monotonic() > deadline:
                raise ProbeFailed(f"{site.name}: http://{site.plan.service}: {error}") from error
        time.sleep(0.05)


def _get(address: str) -> None:
    connection = http.client.HTTPConnection(address, HTTP_PORT, timeout=2)
    try:
        connection.request("GET", "/")
        connection.getresponse().read()
    finally:
        connection.close()
