"""A real local cluster to be measured: its API over many connections, and its processes."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.processes import cluster_processes, proportional_mb
from kubehop.kubernetes.credentials import load_credentials
from kubehop.kubernetes.paths import dump_path

_KUBEHOP = Path(sys.executable).parent / "kubehop"
_CONNECTIONS = 16
_PATIENCE_S = 60.0
_UP_TIMEOUT_S = 300.0
Json = dict[str, Any]


@contextmanager
def running_cluster(name: str, nodes: int) -> Iterator[tuple[Path, float]]:
    """Its kubeconfig, and the seconds until all nodes were Ready. It is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="kubehop-bench-") as folder:
        kubeconfig = Path(folder) / "kubeconfig"
        environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
        began = time.monotonic()
        up = [str(_KUBEHOP), "up", "--name", name, "--nodes", str(nodes), "--wait", "180"]
        try:
            done = subprocess.run(
                up,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=_UP_TIMEOUT_S,
            )
            if done.returncode != 0:
                raise RuntimeError(f"{' '.join(up)}: {done.stderr}")
            yield kubeconfig, time.monotonic() - began
        finally:
            down = [str(_KUBEHOP), "down", "--name", name]
            subprocess.run(down, env=environment, capture_output=True, check=False)


class Api:
    """The cluster's REST API. Every method raises RuntimeError with the server's answer."""

    def __init__(self, session: aiohttp.ClientSession, nodes: list[str]) -> None:
        self._session = session
        self.nodes = nodes

    async def request(self, method: str, path: str, body: Json | None = None) -> Json:
        async with self._session.request(method, path, json=body) as answer:
            if answer.status >= 400:
                raise RuntimeError(f"{method} {path}: {await answer.text()}")
            found: Json = await answer.json(content_type=None)
            return found

    async def watch(self, path: str) -> AsyncIterator[Json]:
        """The events of a watch, until the caller has seen enough."""
        async with self._session.get(path) as answer:
            async for line in answer.content:
                yield json.loads(line)

    async def create_all(self, objects: Iterable[tuple[str, Json]]) -> None:
        """POSTs every (path, object), as many at a time as there are connections."""
        waiting = iter(objects)

        async def work() -> None:
            for path, body in waiting:
                await self.request("POST", path, body)

        async with asyncio.TaskGroup() as group:
            for _ in range(_CONNECTIONS):
                group.create_task(work())

    async def programmed(self, revision: int) -> None:
        """Until every node decides by this revision or a later one."""
        async with asyncio.timeout(_PATIENCE_S), asyncio.TaskGroup() as group:
            for node in self.nodes:
                group.create_task(self._programmed(node, revision))

    async def _programmed(self, node: str, revision: int) -> None:
        while (await self.table(node, "fdb"))["revision"] < revision:
            pass  # the answer takes its time: that is the pause

    async def table(self, node: str, table: str) -> Json:
        return await self.request("GET", f"{dump_path(node)}?table={table}")


@asynccontextmanager
async def connected(kubeconfig: Path) -> AsyncIterator[Api]:
    """The API of the kubeconfig's current context, and the names of the nodes."""
    credentials = load_credentials(kubeconfig)
    connector = aiohttp.TCPConnector(ssl=credentials.tls(), limit=_CONNECTIONS)
    async with aiohttp.ClientSession(credentials.server, connector=connector) as session:
        api = Api(session, [])
        found = await api.request("GET", "/api/v1/nodes")
        api.nodes += [node["metadata"]["name"] for node in found["items"]]
        yield api


def revision_of(obj: Json) -> int:
    return int(obj["metadata"]["resourceVersion"])


def memory_mb(name: str, program: str = "") -> list[float]:
    """What each process of the cluster takes, its share of what several share included (PSS).

    `program`: only processes that run this module.
    """
    return [
        proportional_mb(pid)
        for pid, command in cluster_processes(name).items()
        if not program or f"-m {program} --" in command
    ]
