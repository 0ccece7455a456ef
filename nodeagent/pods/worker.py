"""One pod from its manifest to its removal."""

import asyncio
import logging
import shutil
from typing import Any, Final

from netcore.model.errors import KubehopError
from nodeagent.pods import deadline
from nodeagent.pods.admission import Rejection
from nodeagent.pods.clock import rfc3339
from nodeagent.pods.deadline import deadline_exceeded
from nodeagent.pods.interfaces import Manifest
from nodeagent.pods.pod_context import PodContext
from nodeagent.pods.records import initial_records
from nodeagent.pods.references import References
from nodeagent.pods.runner import ContainerRunner
from nodeagent.pods.status import (
    FINISHED_PHASES,
    ContainerRole,
    SandboxFacts,
    last_phase,
    pod_phase,
    pod_status,
)
from nodeagent.pods.volumes import render_volume

_log: Final = logging.getLogger(__name__)
_RETRY_MIN_S: Final = 1.0
_RETRY_MAX_S: Final = 60.0


class PodWorker:
    """Runs the pod of one uid. `run` returns when nothing of it is left on the node."""

    def __init__(self, pod: PodContext) -> None:
        self.pod = pod
        pod.changed = self._report
        self._take_over(pod.manifest)
        present = pod.manifest.get("status") or {}
        self._start_time = present.get("startTime") or rfc3339(pod.clock.wall_ns())
        # It had come to its end before this agent started: nothing runs again.
        self._final = dict(present) if present.get("phase") in FINISHED_PHASES else None
        self._deadline_s = pod.clock.monotonic()
        self._sandbox_ready = False
        self._pod_ips: tuple[str, ...] = ()
        self._vanished = False
        self._last_status: dict[str, Any] = {}

    def _take_over(self, basis: Manifest) -> None:
        """New runners for the containers, which know what `basis` says of their past."""
        spec = basis["spec"]
        self._records = initial_records(basis)
        self.runners = [
            ContainerRunner(self.pod, container, record)
            for container, record in zip(
                (*(spec.get("initContainers") or ()), *spec["containers"]),
                self._records,
                strict=True,
            )
        ]

    def update(self, manifest: Manifest, references: References) -> None:
        """The manifest or what it refers to has changed."""
        renewed = references is not self.pod.references or manifest is not self.pod.manifest
        self.pod.manifest = manifest
        self.pod.references = references
        if manifest["metadata"].get("deletionTimestamp"):
            self._stop(self.pod.grace_s)
        elif renewed and self._sandbox_ready:
            self._renew_volumes()
            self._report()
        self.pod.refreshed.set()

    @property
    def is_over(self) -> bool:
        """Whether it has come to its end and holds nothing of the node any more."""
        if self._final is not None or self._has_expired():
            return True
        return pod_phase(self._records, self.pod.restart_policy) in FINISHED_PHASES

    def reject(self, rejection: Rejection) -> None:
        """The node does not take the pod: `run` starts nothing of it."""
        self._final = rejection.status(self._start_time)
        self.pod.event("Warning", rejection.predicate, rejection.message)
        self._report()

    def stop(self, grace_s: float) -> None:
        """End all containers, but keep the object: the node goes down."""
        self._vanished = True
        self._stop(grace_s)

    def _stop(self, grace_s: float) -> None:
        self.pod.stopping.set()
        self.pod.refreshed.set()
        self._deadline_s = self.pod.clock.monotonic() + grace_s
        for runner in self.runners:
            if runner.record.role is not ContainerRole.SIDECAR or not self._has_running_apps():
                runner.terminate(self._deadline_s)

    def _has_running_apps(self) -> bool:
        return any(
            runner.record.running
            for runner in self.runners
            if runner.record.role is ContainerRole.APP
        )

    async def run(self) -> None:
        pod = self.pod
        try:
            if not pod.manifest["metadata"].get("deletionTimestamp"):
                if self._final is None:
                    await self._live()
                await pod.stopping.wait()
        finally:
            await self._tear_down()
            shutil.rmtree(pod.directory, ignore_errors=True)
        # Not when this was cancelled or has failed: the pod is still wanted then.
        if not self._vanished:
            pod.reporter.status_changed(*pod.ref, self._last_words(), True)

    async def _live(self) -> None:
        try:
            while await self._create_sandbox() and await self._lost_sandbox():
                await self._tear_down()
                self._take_over({**self.pod.manifest, "status": self._status()})
        finally:
            await self._tear_down()
        self._report()

    async def _lost_sandbox(self) -> bool:
        """Runs the containers; whether they ended with their sandbox and shall run in a new one."""
        pod = self.pod
        async with asyncio.TaskGroup() as tasks:
            guard = tasks.create_task(self._end_with_sandbox())
            expiry = tasks.create_task(self._end_in_time())
            if await self._mount_volumes():
                await self._run_containers()
            was_lost = guard.done()
            guard.cancel()
            expiry.cancel()
        goes_on = not pod.stopping.is_set() and not pod.expired
        return was_lost and goes_on and pod.restart_policy != "Never"

    async def _end_in_time(self) -> None:
        pod = self.pod
        if await deadline_exceeded(pod, self._start_time):
            pod.expired = True
            pod.event("Normal", deadline.REASON, deadline.MESSAGE)
            for runner in self.runners:
                runner.terminate(pod.clock.monotonic() + pod.grace_s)
            pod.refreshed.set()

    async def _end_with_sandbox(self) -> None:
        """Without its sandbox a pod has lost its files; what still runs of it must not stay."""
        pod = self.pod
        await pod.sandbox.lost()
        if not pod.stopping.is_set():
            text = "Pod sandbox changed, it will be killed and re-created."
            pod.event("Normal", "SandboxChanged", text)
        for runner in self.runners:
            runner.terminate(pod.clock.monotonic())
        pod.refreshed.set()

    async def _create_sandbox(self) -> bool:
        pod, delay_s = self.pod, _RETRY_MIN_S
        self._report()
        while not pod.stopping.is_set():
            try:
                await pod.sandbox.create(pod.manifest, pod.node)
            except (KubehopError, OSError) as error:
                await pod.sandbox.close()
                text = f"Failed to create pod sandbox: {error}"
                pod.event("Warning", "FailedCreatePodSandBox", text)
                await pod.clock.wait(pod.stopping, delay_s)
                delay_s = min(2 * delay_s, _RETRY_MAX_S)
                continue
            self._sandbox_ready = True
            self._pod_ips = pod.sandbox.pod_ips
            self._report()
            return True
        return False

    async def _mount_volumes(self) -> bool:
        """Waits for ConfigMaps and Secrets that are not there yet."""
        pod = self.pod
        while not (pod.stopping.is_set() or pod.expired or pod.sandbox.is_lost):
            try:
                pod.volumes = self._write_volumes()
                return True
            except (KubehopError, OSError) as error:
                pod.event("Warning", "FailedMount", str(error))
            await pod.retry_after(10 * _RETRY_MIN_S)
        return False

    def _write_volumes(self) -> dict[str, str]:
        pod, places = self.pod, {}
        read_only = set()
        for volume in pod.manifest["spec"].get("volumes") or ():
            name = volume["name"]
            try:
                rendered = render_volume(volume, pod.facts, pod.references)
                places[name] = pod.sandbox.write_volume(name, rendered)
                if not rendered.writable:
                    read_only.add(name)
            except (KubehopError, OSError) as error:
                raise KubehopError(
                    f'MountVolume.SetUp failed for volume "{name}" : {error}'
                ) from error
        pod.read_only_volumes = frozenset(read_only)
        return places

    def _renew_volumes(self) -> None:
        """Changed ConfigMaps, Secrets and labels reach the running containers."""
        try:
            self._write_volumes()
        except KubehopError as error:
            _log.warning("pod %s/%s: %s", self.pod.ref.namespace, self.pod.ref.name, error)

    async def _run_containers(self) -> None:
        sidecars: list[ContainerRunner] = []
        async with asyncio.TaskGroup() as tasks:
            for runner in self.runners:
                if runner.record.role is ContainerRole.SIDECAR:
                    sidecars.append(runner)
                    tasks.create_task(runner.run())
                    await runner.settled.wait()
                elif runner.record.role is ContainerRole.INIT:
                    await runner.run()
                    if runner.record.exit_code != 0:
                        break
                if self.pod.stopping.is_set():
                    break
            else:
                await self._run_apps()
            deadline_s = self._deadline_of_sidecars()
            for sidecar in reversed(sidecars):
                sidecar.terminate(deadline_s)

    async def _run_apps(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for runner in self.runners:
                if runner.record.role is ContainerRole.APP:
                    tasks.create_task(runner.run())

    def _deadline_of_sidecars(self) -> float:
        if self.pod.stopping.is_set():
            return self._deadline_s
        return self.pod.clock.monotonic() + self.pod.grace_s

    async def _tear_down(self) -> None:
        self._sandbox_ready = False
        await self.pod.sandbox.close()

    def _status(self) -> dict[str, Any]:
        pod = self.pod
        facts = SandboxFacts(self._sandbox_ready, self._start_time, self._pod_ips)
        now = rfc3339(pod.clock.wall_ns())
        if self._final is not None:
            return self._final
        basis = {**pod.manifest, "status": {**(pod.manifest.get("status") or {})}}
        if self._last_status:
            basis["status"]["conditions"] = self._own_conditions(basis["status"])
        status = pod_status(basis, self._records, facts, pod.node, now)
        return deadline.expired_status(status) if self._has_expired() else status

    def _has_expired(self) -> bool:
        return self.pod.expired and not any(record.running for record in self._records)

    def _last_words(self) -> dict[str, Any]:
        """The status of the pod once it is no more: a finalizer may keep its object."""
        status = self._status()
        if status["phase"] in FINISHED_PHASES:
            return status
        return {**status, "phase": last_phase(self._records)}

    def _own_conditions(self, present: Manifest) -> list[dict[str, Any]]:
        """What was reported last is newer than what the manifest says of our conditions."""
        own = {condition["type"]: condition for condition in self._last_status["conditions"]}
        foreign = [c for c in present.get("conditions") or () if c["type"] not in own]
        return [*own.values(), *foreign]

    def _report(self) -> None:
        status = self._status()
        if status != self._last_status:
            self._last_status = status
            self.pod.reporter.status_changed(*self.pod.ref, status, False)
