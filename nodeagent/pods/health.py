"""The probes of one running container, and what their results change."""

import asyncio
from collections.abc import Callable
from typing import Final

from nodeagent.pods.interfaces import Manifest
from nodeagent.pods.pod_context import PodContext
from nodeagent.pods.prober import Prober
from nodeagent.pods.probes import ProbeKind, ProbeState, ProbeTiming
from nodeagent.pods.runtime import StartError
from nodeagent.pods.status import ContainerRecord

# The kubelet learns of a start from its next look at the runtime, up to a second later, so its
# first probe never meets a server that is just about to listen.
_FIRST_PROBE_S: Final = 0.25

EventSink = Callable[[str, str, str], None]
"""Type, reason and message of an event about the container."""


class ContainerHealth:
    """Lives as long as one attempt; keeps `started` and `ready` of the record."""

    def __init__(
        self,
        pod: PodContext,
        container: Manifest,
        record: ContainerRecord,
        prober: Prober,
        event: EventSink,
    ) -> None:
        self._pod = pod
        self._container = container
        self._record = record
        self._prober = prober
        self._event = event

    async def watch(self, settled: asyncio.Event, failed: Callable[[str, Manifest], None]) -> None:
        """Until cancelled. `settled` is set once started; `failed` asks for a restart."""
        self._record.started = "startupProbe" not in self._container
        self._record.ready = self._record.started and "readinessProbe" not in self._container
        self._pod.changed()
        startup = self._container.get("startupProbe")
        if startup and not await self._watch_startup(startup, failed):
            return
        settled.set()
        async with asyncio.TaskGroup() as tasks:
            readiness = self._container.get("readinessProbe")
            if readiness:
                tasks.create_task(self._watch_readiness(readiness))
            liveness = self._container.get("livenessProbe")
            if liveness:
                tasks.create_task(self._watch_liveness(liveness, failed))

    async def _watch_startup(
        self, probe: Manifest, failed: Callable[[str, Manifest], None]
    ) -> bool:
        state = ProbeState(ProbeTiming.from_manifest(probe))
        await self._delay(max(state.timing.initial_delay_s, _FIRST_PROBE_S))
        while True:
            await self._ask(ProbeKind.STARTUP, probe, state)
            if state.passing:
                self._record.started = True
                self._record.ready = "readinessProbe" not in self._container
                self._pod.changed()
                return True
            if state.passing is False:
                failed(ProbeKind.STARTUP.value, probe)
                return False
            await self._delay(state.timing.period_s)

    async def _watch_readiness(self, probe: Manifest) -> None:
        state = ProbeState(ProbeTiming.from_manifest(probe))
        await self._delay(max(state.timing.initial_delay_s, _FIRST_PROBE_S))
        while True:
            if await self._ask(ProbeKind.READINESS, probe, state):
                self._record.ready = bool(state.passing)
                self._pod.changed()
            await self._delay(state.timing.period_s)

    async def _watch_liveness(
        self, probe: Manifest, failed: Callable[[str, Manifest], None]
    ) -> None:
        state = ProbeState(ProbeTiming.from_manifest(probe))
        await self._delay(max(state.timing.initial_delay_s, _FIRST_PROBE_S))
        while True:
            await self._ask(ProbeKind.LIVENESS, probe, state)
            if state.passing is False:
                failed(ProbeKind.LIVENESS.value, probe)
                return
            await self._delay(state.timing.period_s)

    async def _ask(self, kind: ProbeKind, probe: Manifest, state: ProbeState) -> bool:
        try:
            result = await self._prober.ask(probe, state.timing.timeout_s)
            success, message = result.success, result.message
        except StartError as error:
            success, message = False, str(error)
        if not success:
            self._event("Warning", "Unhealthy", f"{kind.value} probe failed: {message}")
        return state.record(success)

    async def _delay(self, seconds: float) -> None:
        await self._pod.clock.wait(asyncio.Event(), seconds)
