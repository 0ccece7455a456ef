"""Starts all controllers and keeps them running."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from controlplane.controllers.bootstrap import bootstrap
from controlplane.controllers.cronjob import CronJobController
from controlplane.controllers.daemonset import DaemonSetController
from controlplane.controllers.deployment import DeploymentController
from controlplane.controllers.disruption import DisruptionController
from controlplane.controllers.dns import DnsController
from controlplane.controllers.dns_pods import DnsPodsController
from controlplane.controllers.endpointslice import EndpointSliceController
from controlplane.controllers.event_ttl import trim_events
from controlplane.controllers.garbage import GarbageCollector
from controlplane.controllers.heartbeats import Heartbeats
from controlplane.controllers.inert_autoscalers import report_inert_autoscalers
from controlplane.controllers.informer import Informers
from controlplane.controllers.job import JobController
from controlplane.controllers.job_ttl import FinishedJobs
from controlplane.controllers.mirroring import EndpointsMirroring
from controlplane.controllers.namespace import NamespaceController
from controlplane.controllers.node_lifecycle import NodeLifecycle
from controlplane.controllers.pod_cidrs import NodeCidrController, PodCidrPool
from controlplane.controllers.pod_gc import PodGarbageCollector
from controlplane.controllers.recorder import EventRecorder
from controlplane.controllers.replicaset import (
    ReplicaSetController,
    ReplicationControllerController,
)
from controlplane.controllers.role_aggregation import RoleAggregation
from controlplane.controllers.scheduler import Scheduler
from controlplane.controllers.statefulset import StatefulSetController
from controlplane.controllers.unenforced_policies import report_unenforced

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from controlplane.api.client import Client
    from controlplane.config import ClusterSettings
    from controlplane.controllers.controller import Controller
    from controlplane.controllers.queue_metrics import QueueMetrics

_FIRST_RETRY_S = 0.1
_LONGEST_RETRY_S = 10.0
log = logging.getLogger(__name__)


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Shared:
    """What the controllers, the API and the gRPC service hold together."""

    heartbeats: Heartbeats
    recorder: EventRecorder
    pod_cidrs: PodCidrPool
    informers: Informers


def make_shared(
    client: Client,
    settings: ClusterSettings,
    *,
    now: Callable[[], datetime] = utc_now,
    monotonic: Callable[[], float] = time.monotonic,
) -> Shared:
    """The shared parts of one control plane."""
    return Shared(
        Heartbeats(monotonic),
        EventRecorder(client, now),
        PodCidrPool(client, settings),
        Informers(client),
    )


async def run_controllers(
    client: Client,
    settings: ClusterSettings,
    shared: Shared,
    *,
    ca_certificate: str,
    started: asyncio.Event | None = None,
    now: Callable[[], datetime] = utc_now,
    queues: QueueMetrics | None = None,
) -> None:
    """Bootstraps the cluster, then runs every controller until cancelled. `queues` is shown all
    of their queues.

    `started` is set once the bootstrap objects exist and all controllers are at work.
    """
    await _bootstrap(client, settings)
    informers = shared.informers
    garbage = GarbageCollector(client)
    controllers = _controllers(client, informers, shared, ca_certificate, now)
    report_unenforced(informers, shared.recorder, settings)
    report_inert_autoscalers(informers, shared.recorder)
    if queues is not None:
        for each in (*controllers, garbage):
            queues.show(each.name, each.queue)
    loops: list[tuple[str, Callable[[], Awaitable[None]]]] = [
        *((controller.name, controller.run) for controller in controllers),
        ("garbage-collector watch", garbage.watch),
        (garbage.name, garbage.run),
        ("event recorder", shared.recorder.run),
        ("event TTL", lambda: trim_events(client, now)),
        ("heartbeat clock", shared.heartbeats.tick),
    ]
    async with asyncio.TaskGroup() as tasks:
        for informer in informers:
            tasks.create_task(supervise(f"informer {informer.resource}", informer.run))
        await asyncio.gather(*(informer.synced() for informer in informers))
        for name, run in loops:
            tasks.create_task(supervise(name, run))
        if started is not None:
            started.set()


def _controllers(
    client: Client,
    informers: Informers,
    shared: Shared,
    ca_certificate: str,
    now: Callable[[], datetime],
) -> Sequence[Controller[str] | Controller[tuple[str, str]]]:
    recorder, heartbeats = shared.recorder, shared.heartbeats
    return (
        NamespaceController(client, informers, ca_certificate, now),
        NodeCidrController(client, informers, shared.pod_cidrs, recorder),
        NodeLifecycle(client, informers, heartbeats, recorder, now),
        Scheduler(client, informers, recorder, now),
        EndpointSliceController(client, informers),
        EndpointsMirroring(client, informers),
        ReplicaSetController(client, informers, recorder, now),
        ReplicationControllerController(client, informers, recorder, now),
        StatefulSetController(client, informers, recorder, now),
        DaemonSetController(client, informers, recorder, now),
        JobController(client, informers, recorder, now),
        FinishedJobs(client, informers, now),
        CronJobController(client, informers, recorder, now),
        DeploymentController(client, informers, recorder, now),
        DisruptionController(client, informers, recorder, now),
        DnsController(client, informers, heartbeats),
        DnsPodsController(client, informers, heartbeats),
        PodGarbageCollector(client, informers),
        RoleAggregation(client, informers),
    )


async def _bootstrap(client: Client, settings: ClusterSettings) -> None:
    delay_s = _FIRST_RETRY_S
    while True:
        try:
            await bootstrap(client, settings)
        except Exception as error:
            log.error("bootstrap failed: %s (again in %.3g s)", error, delay_s)
            await asyncio.sleep(delay_s)
            delay_s = min(delay_s * 2, _LONGEST_RETRY_S)
        else:
            return


async def supervise(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Runs `run` for ever: when it ends or fails, again, ever later."""
    delay_s = _FIRST_RETRY_S
    while True:
        began_s = time.monotonic()
        try:
            await run()
            log.error("%s ended (again in %.3g s)", name, delay_s)
        except Exception as error:
            log.error(
                "%s failed: %s: %s (again in %.3g s)", name, type(error).__name__, error, delay_s
            )
        if time.monotonic() - began_s > _LONGEST_RETRY_S:
            delay_s = _FIRST_RETRY_S
        await asyncio.sleep(delay_s)
        delay_s = min(delay_s * 2, _LONGEST_RETRY_S)
