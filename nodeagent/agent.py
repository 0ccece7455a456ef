"""The agent alone owns the node's current snapshot.

Every change goes the same way: batch -> next snapshot -> swap -> apply to the datapath. A
failed apply is said in the node's status, tried again with back-off, and a full apply from
time to time makes good what was lost.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable

from netcore.model.change import Batch, Change
from netcore.model.errors import KubehopError
from netcore.model.pod import Pod
from netcore.pipeline.context import FromPod
from netcore.pipeline.snapshot import Snapshot
from nodeagent.datapath.base import Datapath, PodPort

log = logging.getLogger(__name__)

_RETRY_S = 0.2
_MAX_RETRY_S = 10.0
_RESYNC_S = 60.0


class LocalPort:
    """A pod that is attached here: its port and what the network knows of it."""

    def __init__(self, pod: Pod, port: PodPort) -> None:
        self.pod = pod
        self.port = port

    @property
    def name(self) -> str:
        return f"{self.pod.namespace}/{self.pod.name}"

    @property
    def ips(self) -> tuple[bytes, ...]:
        return self.port.ips

    @property
    def mac(self) -> bytes:
        return self.port.mac

    @property
    def ingress(self) -> FromPod:
        return FromPod(self.port.ips, self.port.mac)


class Agent:
    """Holds the snapshot and the local ports. Event-loop thread only."""

    def __init__(
        self,
        snapshot: Snapshot,
        datapath: Datapath,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.snapshot = snapshot
        self.datapath = datapath
        self.clock = clock
        self._ports: dict[str, LocalPort] = {}
        self._apply_error = ""
        self._stale = asyncio.Event()
        self._synced = False
        self.became_ready = asyncio.Event()
        self.on_applied: Callable[[Batch, float], None] = lambda _batch, _seconds: None
        """Is told of each batch that the datapath took, and how many seconds it needed."""
        self.applied_revision = 0
        """Of the last snapshot that the datapath took; 0: of none yet."""

    @property
    def node_name(self) -> str:
        return self.snapshot.node_name

    @property
    def position(self) -> tuple[str, int]:
        """Where to resume the watch: (epoch, revision)."""
        return self.snapshot.epoch, self.snapshot.revision

    @property
    def readiness(self) -> tuple[bool, str]:
        """Whether the node can serve pods, else why not."""
        if not self._synced:
            return False, "waiting for the first network state"
        if self._apply_error:
            return False, self._apply_error
        return True, ""

    def local_port(self, namespace: str, name: str) -> LocalPort | None:
        wanted = (namespace, name)
        return next((p for p in self._ports.values() if p.pod.key == wanted), None)

    def ports(self) -> Iterable[LocalPort]:
        return tuple(self._ports.values())

    def receive(self, batch: Batch) -> None:
        """Take one batch of the watch: the next snapshot goes to the datapath."""
        self.snapshot = self._with_local_pods(self.snapshot.advance(batch))
        self._synced = self._synced or batch.synced
        began = self.clock()
        self._apply()
        if not self._apply_error:
            self.on_applied(batch, self.clock() - began)

    def add_port(self, pod: Pod, port: PodPort) -> None:
        """A pod is attached: reachable at once, before the control plane says so."""
        self.datapath.attach(port)
        self._ports[pod.uid] = LocalPort(pod, port)
        self._advance_locally(Change(pod))

    def remove_port(self, uid: str) -> None:
        """A pod is no longer attached; unknown uids are ignored."""
        gone = self._ports.pop(uid, None)
        if gone is None:
            return
        self.datapath.detach(uid)
        known = self.snapshot.pods.get(gone.pod.key)
        if known is not None and known.uid == uid:
            self._advance_locally(Change(known, deleted=True))

    async def keep_applied(self) -> None:
        """Retry failed applies with back-off and apply in full once a minute, for ever."""
        delay = _RETRY_S
        while True:
            try:
                timeout = delay if self._apply_error else _RESYNC_S
                async with asyncio.timeout(timeout):
                    await self._stale.wait()
                self._stale.clear()
                continue
            except TimeoutError:
                pass
            self._apply()
            delay = min(delay * 2, _MAX_RETRY_S) if self._apply_error else _RETRY_S

    def _apply(self) -> None:
        try:
            self.datapath.apply(self.snapshot)
        except KubehopError as error:
            if str(error) != self._apply_error:
                log.error("the datapath did not take revision %d: %s", *self._failure(error))
            self._apply_error = str(error)
            self.became_ready.clear()
            self._stale.set()
            return
        self._apply_error = ""
        self.applied_revision = self.snapshot.revision
        if self._synced:
            self.became_ready.set()

    def _failure(self, error: KubehopError) -> tuple[int, str]:
        return self.snapshot.revision, str(error)

    def _advance_locally(self, change: Change) -> None:
        epoch, revision = self.position
        self.snapshot = self.snapshot.advance(Batch(epoch, revision, (change,)))
        self._apply()

    def _with_local_pods(self, snapshot: Snapshot) -> Snapshot:
        """The control plane may not know an attached pod's address yet; the node does."""
        missing = tuple(
            Change(local.pod)
            for local in self._ports.values()
            if any(snapshot.pods_by_ip.get(ip) is None for ip in local.ips)
        )
        if not missing:
            return snapshot
        return snapshot.advance(Batch(snapshot.epoch, snapshot.revision, missing))
