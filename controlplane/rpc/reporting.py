"""Takes in what agents say of their pods: statuses and events."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import grpc

from controlplane.api.errors import StatusError
from controlplane.controllers.conditions import node_of, with_condition
from controlplane.controllers.recorder import Involved
from controlplane.rpc.refusal import Refusal
from netcore.model.address import parse_address
from netcore.model.errors import ConfigError
from protos.gen.v1 import controlplane_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controlplane.api.client import Client
    from controlplane.controllers.run import Shared

Object = dict[str, Any]
_NOT_THE_AGENTS = ("PodScheduled", "DisruptionTarget")
_PHASES = ("Pending", "Running", "Succeeded", "Failed", "Unknown")


def parse_status(text: bytes, pod: str) -> Object:
    """A core/v1 PodStatus as far as others rely on it. Raises ConfigError naming the pod."""
    try:
        status = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"status of pod {pod}: not JSON: {error}") from error
    if not isinstance(status, dict):
        raise ConfigError(f"status of pod {pod}: not an object")
    if status.get("phase", "Pending") not in _PHASES:
        raise ConfigError(f"status of pod {pod}: phase {status['phase']!r} is none")
    for field in ("conditions", "containerStatuses", "podIPs"):
        entries = status.get(field, [])
        if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
            raise ConfigError(f"status of pod {pod}: {field} is not a list of objects")
    for text_ip in _ips(status):
        try:
            parse_address(text_ip)
        except ConfigError as error:
            raise ConfigError(f"status of pod {pod}: {error}") from error
    return status


def _ips(status: Object) -> list[str]:
    single = [status[field] for field in ("podIP", "hostIP") if status.get(field)]
    return [str(ip) for ip in [*single, *(e.get("ip", "") for e in status.get("podIPs") or ())]]


def merged_status(current: Object, reported: Object, now: datetime) -> Object:
    """The pod's status after a report: the agent's word, plus what is not the agent's to say."""
    status = {"phase": current.get("phase", "Pending"), **reported}
    if current.get("qosClass"):
        status["qosClass"] = current["qosClass"]
    before: list[Object] = current.get("conditions") or []
    conditions = list(before)
    for entry in reported.get("conditions") or []:
        if entry.get("lastTransitionTime"):
            conditions = [c for c in conditions if c.get("type") != entry.get("type")] + [entry]
        elif entry.get("type"):
            conditions = with_condition(conditions, entry, now)
    said = {entry.get("type") for entry in reported.get("conditions") or []}
    status["conditions"] = [
        c for c in conditions if c.get("type") in said or c.get("type") in _NOT_THE_AGENTS
    ]
    return status


class Reporting:
    """The ReportStatus and ReportEvent calls."""

    def __init__(self, client: Client, shared: Shared) -> None:
        self._client = client
        self._recorder = shared.recorder

    async def report_status(self, request: pb.ReportStatusRequest) -> pb.ReportStatusResponse:
        """Stores all statuses, then refuses with NOT_FOUND if some pods are gone."""
        parsed = [(pod, self._parse(pod)) for pod in request.pods]
        gone = []
        for pod, status in parsed:
            try:
                await self._store(request.node_name, pod, status)
            except StatusError as error:
                if error.reason not in ("NotFound", "Conflict"):
                    raise
                gone.append(f"{pod.namespace}/{pod.name}")
        if gone:
            message = f"pods that no longer exist: {', '.join(gone)}"
            raise Refusal(grpc.StatusCode.NOT_FOUND, message)
        return pb.ReportStatusResponse()

    @staticmethod
    def _parse(pod: pb.PodStatus) -> Object | None:
        if not pod.status_json:
            return None
        return parse_status(pod.status_json, f"{pod.namespace}/{pod.name}")

    async def _store(self, node_name: str, pod: pb.PodStatus, status: Object | None) -> None:
        if pod.removed:
            await self._remove(node_name, pod, status)
        elif status is not None:
            await self._merge(node_name, pod, status)

    async def _merge(self, node_name: str, pod: pb.PodStatus, status: Object) -> None:
        def change(current: Object) -> None:
            _check_is_at(node_name, pod, current)
            known = current.get("status") or {}
            current["status"] = merged_status(known, status, datetime.now(UTC))

        await self._client.patch("pods", pod.name, change, pod.namespace, subresource="status")

    async def _remove(self, node_name: str, pod: pb.PodStatus, status: Object | None) -> None:
        """The object goes for good; that it has gone already is what was wanted. Where a
        finalizer keeps it, its last status counts.

        Only what a user or controller has deleted is removed: a pod that an agent has lost by
        its own fault is still wanted.
        """
        try:
            current = await self._client.get("pods", pod.name, pod.namespace)
            _check_is_at(node_name, pod, current)
            if not current["metadata"].get("deletionTimestamp"):
                return
            if status is not None and current["metadata"].get("finalizers"):
                await self._merge(node_name, pod, status)
            await self._client.delete(
                "pods", pod.name, pod.namespace, uid=pod.uid, grace_period_seconds=0
            )
        except StatusError as error:
            if error.reason not in ("NotFound", "Conflict"):
                raise

    async def report_event(self, request: pb.ReportEventRequest) -> pb.ReportEventResponse:
        """Notes an Event; equal ones are counted."""
        _check_event(request)
        about = Involved(
            request.kind,
            request.namespace,
            request.name,
            request.uid,
            "v1",
            request.field_path,
        )
        self._recorder.record(
            about,
            request.type,
            request.reason,
            request.message,
            request.component or "kubelet",
            request.node_name,
        )
        return pb.ReportEventResponse()


def _check_is_at(node_name: str, reported: pb.PodStatus, current: Object) -> None:
    """Raises StatusError 404 when the pod is another one or another node's."""
    if current["metadata"]["uid"] != reported.uid or node_of(current) != node_name:
        raise StatusError(404, "NotFound", f'pods "{reported.name}" not found')


def _check_event(request: pb.ReportEventRequest) -> None:
    wanted: Sequence[tuple[str, str]] = (
        ("kind", request.kind),
        ("name", request.name),
        ("reason", request.reason),
    )
    for field, value in wanted:
        if not value:
            raise ConfigError(f"{field}: required")
    if request.type not in ("Normal", "Warning"):
        raise ConfigError(f"type: {request.type!r} is neither Normal nor Warning")
