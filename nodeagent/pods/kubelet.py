"""All pods of this node: follows the desired state with one worker per pod."""

import asyncio
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from nodeagent.pods.admission import in_order, rejection
from nodeagent.pods.clock import Clock, SystemClock
from nodeagent.pods.interfaces import (
    ContainerNotFound,
    Manifest,
    NodeFacts,
    PodKey,
    PodNetwork,
    PodRef,
    PodReporter,
)
from nodeagent.pods.pod_context import PodContext
from nodeagent.pods.references import References
from nodeagent.pods.runner import ContainerRunner
from nodeagent.pods.runtime import ContainerRuntime
from nodeagent.pods.sandbox import PodSandbox
from nodeagent.pods.worker import PodWorker

_log: Final = logging.getLogger(__name__)
_RETRY_S: Final = 10.0


class Kubelet:
    """`sync` says what shall be, `run` makes it so until cancelled or shut down.

    The runtime is served by somebody else (`ZygoteRuntime.run`).
    """

    def __init__(
        self,
        network: PodNetwork,
        reporter: PodReporter,
        node: NodeFacts,
        runtime: ContainerRuntime,
        clock: Clock | None = None,
    ) -> None:
        self._network = network
        self._reporter = reporter
        self._node = node
        self._runtime = runtime
        self._clock = clock or SystemClock()
        self._desired: dict[PodRef, Manifest] = {}
        self._references = References()
        self._workers: dict[PodRef, PodWorker] = {}
        self._ended: set[PodRef] = set()
        """Deleted pods that are no more, whose objects finalizers keep."""
        self._dirty = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closing = False

    def sync(
        self,
        pods: Mapping[PodKey, Manifest],
        configmaps: Mapping[PodKey, Manifest],
        secrets: Mapping[PodKey, Manifest],
        tokens: Mapping[PodKey, Manifest] | None = None,
    ) -> None:
        """The desired state as a whole: the pods bound to this node and what they refer to.

        Does not block. A pod with a deletionTimestamp is ended gracefully; one that is not in
        `pods` any more is killed at once.
        """
        if self._closing:
            return
        self._desired = {_ref(pod): pod for pod in pods.values()}
        renewed = References(dict(configmaps), dict(secrets), dict(tokens or {}))
        if renewed != self._references:
            self._references = renewed
        self._dirty.set()

    async def run(self) -> None:
        """Serve the pods. Ends by cancellation (everything is killed) or after `shutdown`."""
        self._idle.clear()
        try:
            async with asyncio.TaskGroup() as tasks:
                while not self._closing:
                    self._follow(tasks)
                    await self._dirty.wait()
                    self._dirty.clear()
        finally:
            self._idle.set()

    def _follow(self, tasks: asyncio.TaskGroup) -> None:
        self._ended &= self._desired.keys()
        for ref, worker in self._workers.items():
            if ref not in self._desired:
                worker.stop(0.0)
        for manifest in in_order(self._desired.values()):
            ref = _ref(manifest)
            running = self._workers.get(ref)
            if running is not None:
                running.update(manifest, self._references)
            elif ref not in self._ended or not manifest["metadata"].get("deletionTimestamp"):
                worker = self._worker(ref, manifest)
                self._admit(worker)
                self._workers[ref] = worker
                tasks.create_task(self._serve(ref, worker))

    def _admit(self, worker: PodWorker) -> None:
        if worker.is_over or worker.pod.manifest["metadata"].get("deletionTimestamp"):
            return
        present = (w for ref, w in self._workers.items() if ref in self._desired and not w.is_over)
        rejected = rejection(worker.pod.manifest, (other.pod.manifest for other in present))
        if rejected is not None:
            worker.reject(rejected)

    async def _serve(self, ref: PodRef, worker: PodWorker) -> None:
        """One pod that this agent cannot handle must not take the node's other pods with it."""
        try:
            await worker.run()
            if worker.pod.manifest["metadata"].get("deletionTimestamp"):
                self._ended.add(ref)
        except Exception as error:
            _log.exception("pod %s/%s cannot be served", ref.namespace, ref.name)
            text = f"error syncing pod, see the log of its node's agent: {error!r}"
            worker.pod.event("Warning", "FailedSync", text)
            await self._clock.wait(worker.pod.stopping, _RETRY_S)
        finally:
            del self._workers[ref]
            self._dirty.set()  # when it is still wanted it gets a new worker

    def _worker(self, ref: PodRef, manifest: Manifest) -> PodWorker:
        directory = self._node.state_dir / "pods" / _directory_name(ref)
        context = PodContext(
            ref=ref,
            manifest=manifest,
            references=self._references,
            node=self._node,
            runtime=self._runtime,
            reporter=self._reporter,
            clock=self._clock,
            sandbox=PodSandbox(self._runtime, self._network, ref, directory),
            directory=directory,
            changed=lambda: None,
        )
        return PodWorker(context)

    async def shutdown(self, grace_s: float) -> None:
        """End every pod within `grace_s`, then `run` returns. The objects stay."""
        self._closing = True
        self._desired = {}
        for worker in self._workers.values():
            worker.stop(grace_s)
        self._dirty.set()
        await self._idle.wait()

    def container(self, namespace: str, pod: str, container: str = "") -> ContainerRunner:
        """The container of a pod, the first one without a name. Raises ContainerNotFound."""
        for ref, worker in self._workers.items():
            if (ref.namespace, ref.name) == (namespace, pod):
                return _container_of(worker, ref, container)
        raise ContainerNotFound(f'pods "{pod}" not found on node {self._node.name}')


def _container_of(worker: PodWorker, ref: PodRef, container: str) -> ContainerRunner:
    first = worker.pod.manifest["spec"]["containers"][0]["name"]
    wanted = container or first
    for runner in worker.runners:
        if runner.record.name == wanted:
            return runner
    raise ContainerNotFound(f"container {wanted} is not valid for pod {ref.name}")


def _ref(pod: Manifest) -> PodRef:
    metadata = pod["metadata"]
    return PodRef(metadata["namespace"], metadata["name"], metadata["uid"])


def _directory_name(ref: PodRef) -> Path:
    """By the uid alone: with names of their full length it would be too long for a file."""
    return Path(re.sub(r"[^A-Za-z0-9_-]", "_", ref.uid))
