"""A container over its life: starts it, watches it, starts it again by its restart policy."""

import asyncio
import secrets
import signal
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from netcore.model.errors import KubehopError
from nodeagent.pods.attempt import Attempt
from nodeagent.pods.backoff import RestartBackOff, duration_text
from nodeagent.pods.clock import rfc3339
from nodeagent.pods.container_spec import (
    UnknownImage,
    command_of,
    mounts_of,
    termination_log_path,
)
from nodeagent.pods.environment import container_environment
from nodeagent.pods.health import ContainerHealth
from nodeagent.pods.interfaces import Manifest
from nodeagent.pods.pod_context import PodContext
from nodeagent.pods.prober import Prober
from nodeagent.pods.runtime import StartError
from nodeagent.pods.status import ContainerRecord, ContainerRole
from nodeagent.pods.termination import termination_message
from nodeagent.workloads.spec import ContainerSpec, Mount

_RETRY_S: Final = 10.0
_HOOK_TIMEOUT_S: Final = 3600.0


class ContainerRunner:
    """Owns one ContainerRecord. `run` ends when the container shall not start again."""

    def __init__(self, pod: PodContext, container: Manifest, record: ContainerRecord) -> None:
        self._pod = pod
        self._container = container
        self.record = record
        self.attempt: Attempt | None = None
        self.settled = asyncio.Event()
        """A sidecar has started (or never will): the next container may."""
        self.log_paths: list[Path] = []
        self._back_off = RestartBackOff()
        self._ended_at_s: float | None = None
        self._wake = asyncio.Event()
        self._kill_deadline_s: float | None = None
        self._health: ContainerHealth | None = None
        kind = "containers" if record.role is ContainerRole.APP else "initContainers"
        self._field_path = f"spec.{kind}{{{record.name}}}"

    @property
    def wants_stdin(self) -> bool:
        return bool(self._container.get("stdin"))

    async def run(self) -> None:
        try:
            while not self._stops():
                await self._wait_for_restart()
                if self._stops():
                    return
                code = await self._run_once()
                if code is not None and not self._restarts_after(code):
                    return
        finally:
            self.settled.set()

    def _stops(self) -> bool:
        pod = self._pod
        is_over = pod.stopping.is_set() or pod.expired or pod.sandbox.is_lost
        return is_over or self._kill_deadline_s is not None

    def terminate(self, deadline_s: float, reason: str = "") -> None:
        """End the container: preStop, SIGTERM, at the deadline SIGKILL. May come again, sooner."""
        first = self._kill_deadline_s is None
        self._kill_deadline_s = min(deadline_s, self._kill_deadline_s or deadline_s)
        self._wake.set()
        if first and self.attempt is not None and not self.attempt.ended.is_set():
            message = reason or f"Stopping container {self.record.name}"
            self._event("Normal", "Killing", message)

    async def _wait_for_restart(self) -> None:
        if self._ended_at_s is None:
            return
        clock = self._pod.clock
        remaining = self._back_off.remaining_s(self._ended_at_s, clock.monotonic())
        if remaining > 0:
            what = (
                f"container={self.record.name} pod={self._pod.ref.name}_{self._pod.ref.namespace}"
            )
            delay = duration_text(self._back_off.delay_s)
            message = f"back-off {delay} restarting failed {what}({self._pod.ref.uid})"
            self.record.last_state = self.record.state
            self._set_waiting("CrashLoopBackOff", message)
            text = f"Back-off restarting failed container {self.record.name} in pod "
            pod = f"{self._pod.ref.name}_{self._pod.ref.namespace}({self._pod.ref.uid})"
            self._event("Warning", "BackOff", text + pod)
            self._wake.clear()
            await clock.wait(self._wake, remaining)
        if not self._stops():
            self._back_off.advance(self._ended_at_s, clock.monotonic())
            self.record.restart_count += 1

    async def _run_once(self) -> int | None:
        """The exit code of one attempt, or None when it could not even be made."""
        try:
            spec = self._prepare()
        except UnknownImage as error:
            await self._wait_for_image(str(error))
            return None
        except (KubehopError, OSError) as error:
            self._set_waiting("CreateContainerConfigError", str(error))
            self._event("Warning", "Failed", f"Error: {error}")
            await self._pod.retry_after(_RETRY_S)
            return None
        self._event("Normal", "Created", f"Created container: {self.record.name}")
        started_at = rfc3339(self._pod.clock.wall_ns())
        self.record.container_id = f"kubehop://{secrets.token_hex(32)}"
        if "terminated" in self.record.state:
            self.record.last_state = self.record.state
        try:
            path = self._log_path()
            self.attempt = await Attempt.start(
                self._pod.runtime, spec, path, self._pod.clock, stdin=self.wants_stdin
            )
        except StartError as error:
            self._event("Warning", "Failed", f"Error: failed to start container: {error}")
            code = 127 if error.not_found else 128
            self._set_terminated(code, started_at, "StartError", str(error))
            self._clean_up(spec)
            return code
        self.attempt.stdin_once = bool(self._container.get("stdinOnce"))
        return await self._supervise(self.attempt, spec, started_at)

    def _prepare(self) -> ContainerSpec:
        """Raises KubehopError or OSError for what the manifest asks and cannot be had."""
        pod, sandbox = self._pod, self._pod.sandbox
        env = container_environment(self._container, pod.facts, pod.references, sandbox.hostname)
        command = command_of(self._container, pod.manifest, env)
        image = self.record.image
        self.record.image_id = f"kubehop://sha256:{sha256(image.encode()).hexdigest()}"
        self._event("Normal", "Pulled", f'Container image "{image}" already present on machine')
        name = f"containers/{self.record.name}-{self.record.restart_count}"
        message_file = sandbox.path(f"{name}.termination-log")
        message_file.write_bytes(b"")
        source = f"{sandbox.scratch}/{name}.termination-log"
        mounts = mounts_of(
            self._container, pod.volumes, sandbox.scratch, env, pod.read_only_volumes
        )
        self._make_sub_paths(mounts)
        return ContainerSpec(
            sandbox_pid=sandbox.holder_pid,
            scratch=sandbox.scratch,
            directory=f"{sandbox.scratch}/{name}",
            command=command,
            mounts=(*mounts, Mount(source, termination_log_path(self._container))),
        )

    def _make_sub_paths(self, mounts: tuple[Mount, ...]) -> None:
        """A subPath that is not there becomes a directory."""
        scratch = self._pod.sandbox.scratch
        for mount in mounts:
            if mount.source.startswith(f"{scratch}/volumes/"):
                path = self._pod.sandbox.path(mount.source.removeprefix(f"{scratch}/"))
                if not path.exists():
                    path.mkdir(parents=True)

    def _log_path(self) -> Path:
        path = self._pod.directory / self.record.name / f"{self.record.restart_count}.log"
        self.log_paths.append(path)
        for old in self.log_paths[:-2]:
            for file in old.parent.glob(f"{old.name}*"):
                file.unlink()
        del self.log_paths[:-2]
        return path

    async def _wait_for_image(self, message: str) -> None:
        image = self.record.image
        self._event("Warning", "Failed", f'Failed to pull image "{image}": {message}')
        self._event("Warning", "Failed", "Error: ErrImagePull")
        self._set_waiting("ErrImagePull", message)
        self._wake.clear()
        if self._stops() or await self._pod.clock.wait(self._wake, _RETRY_S):
            return
        self._event("Normal", "BackOff", f'Back-off pulling image "{image}"')
        self._event("Warning", "Failed", "Error: ImagePullBackOff")
        text = f'Back-off pulling image "{image}": ErrImagePull: {message}'
        self._set_waiting("ImagePullBackOff", text)
        await self._wake.wait()

    async def _supervise(self, attempt: Attempt, spec: ContainerSpec, started_at: str) -> int:
        record = self.record
        record.state = {"running": {"startedAt": started_at}}
        prober = Prober(self._container, next(iter(self._pod.sandbox.pod_ips), ""), attempt.capture)
        self._health = ContainerHealth(self._pod, self._container, record, prober, self._event)
        self._event("Normal", "Started", f"Started container {record.name}")
        async with asyncio.TaskGroup() as tasks:
            jobs = [
                tasks.create_task(self._watch_health(self._health, prober)),
                tasks.create_task(self._obey(attempt, prober)),
            ]
            try:
                code = await attempt.finish(self._pod.clock)
            except asyncio.CancelledError:
                attempt.kill(signal.SIGKILL)
                raise
            for job in jobs:
                job.cancel()
        record.ready = record.started = False
        reason = "Completed" if code == 0 else "Error"
        path = self._pod.sandbox.path(
            f"{spec.directory.removeprefix(spec.scratch + '/')}.termination-log"
        )
        message = termination_message(self._container, path, self.log_paths[-1], code)
        self._set_terminated(code, started_at, reason, message)
        self._clean_up(spec)
        if not self._pod.stopping.is_set():
            self._kill_deadline_s = None  # a failed probe kills one attempt only
        return code

    def _clean_up(self, spec: ContainerSpec) -> None:
        self._pod.sandbox.remove(spec.directory.removeprefix(f"{spec.scratch}/"))

    async def _watch_health(self, health: ContainerHealth, prober: Prober) -> None:
        hook = (self._container.get("lifecycle") or {}).get("postStart")
        if hook:
            result = await prober.ask(hook, _HOOK_TIMEOUT_S)
            if not result.success:
                self._event(
                    "Warning", "FailedPostStartHook", f"PostStartHook failed: {result.message}"
                )
                deadline = self._pod.clock.monotonic() + self._pod.grace_s
                self.terminate(deadline, "FailedPostStartHook")
                return
        await health.watch(self.settled, self._fail_liveness)

    def _fail_liveness(self, kind: str, probe: Manifest) -> None:
        grace = probe.get("terminationGracePeriodSeconds")
        seconds = self._pod.grace_s if grace is None else float(grace)
        what = f"Container {self.record.name} failed {kind.lower()} probe, will be restarted"
        self.terminate(self._pod.clock.monotonic() + seconds, what)

    async def _obey(self, attempt: Attempt, prober: Prober) -> None:
        """Carry out `terminate` when it comes."""
        clock = self._pod.clock
        while self._kill_deadline_s is None:
            self._wake.clear()
            await self._wake.wait()
        hook = (self._container.get("lifecycle") or {}).get("preStop")
        remaining = self._kill_deadline_s - clock.monotonic()
        if hook and remaining > 0:
            result = await prober.ask(hook, remaining)
            if not result.success:
                self._event("Warning", "FailedPreStopHook", f"PreStopHook failed: {result.message}")
        attempt.kill(signal.SIGTERM)
        while (remaining := self._kill_deadline_s - clock.monotonic()) > 0:
            self._wake.clear()
            await clock.wait(self._wake, remaining)
        attempt.kill(signal.SIGKILL)

    def _restarts_after(self, code: int) -> bool:
        self._ended_at_s = self._pod.clock.monotonic()
        if self.record.role is ContainerRole.SIDECAR:
            return True
        if self.record.role is ContainerRole.INIT:
            return code != 0 and self._pod.restart_policy != "Never"
        policy = self._pod.restart_policy
        return policy == "Always" or (policy == "OnFailure" and code != 0)

    def _set_waiting(self, reason: str, message: str) -> None:
        self.record.state = {"waiting": {"reason": reason, "message": message}}
        self._pod.changed()

    def _set_terminated(self, code: int, started_at: str, reason: str, message: str) -> None:
        state: dict[str, Any] = {
            "exitCode": code,
            "reason": reason,
            "startedAt": started_at,
            "finishedAt": rfc3339(self._pod.clock.wall_ns()),
            "containerID": self.record.container_id,
        }
        if message:
            state["message"] = message
        self.record.state = {"terminated": state}
        self._pod.changed()

    def _event(self, kind: str, reason: str, message: str) -> None:
        self._pod.event(kind, reason, message, self._field_path)
