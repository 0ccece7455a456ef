"""What the cloud tells the control plane: where it has put whom, and what went wrong."""

import asyncio
import logging
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc

from netcore.model.address import IpAddress
from protos.gen.v1 import controlplane_pb2 as pb

if TYPE_CHECKING:
    from protos.gen.v1.controlplane_pb2_grpc import ControlPlaneAsyncStub

log = logging.getLogger(__name__)

COMPONENT = "service-controller"
_PENDING_EVENTS = 1000
_CALL_TIMEOUT_S = 5.0
_LATER = frozenset(
    {
        *(grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED),
        *(grpc.StatusCode.CANCELLED, grpc.StatusCode.ABORTED, grpc.StatusCode.RESOURCE_EXHAUSTED),
    }
)
"""Nothing is wrong with the report: the next session tells it again."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The object that a report is about: a Service or an Ingress."""

    kind: str
    namespace: str
    name: str
    uid: str


class Reports:
    """Statuses wait by object (the latest wins), events in a bounded queue, until they are told."""

    def __init__(self) -> None:
        self._statuses: dict[Subject, pb.ReportLoadBalancerRequest] = {}
        self._events: deque[pb.ReportEventRequest] = deque(maxlen=_PENDING_EVENTS)
        self._filled = asyncio.Event()

    def status(self, subject: Subject, ips: tuple[IpAddress, ...], ip_mode: str) -> None:
        """The object is at these addresses; none: it is nowhere."""
        self._statuses[subject] = pb.ReportLoadBalancerRequest(
            kind=subject.kind,
            namespace=subject.namespace,
            name=subject.name,
            uid=subject.uid,
            ingress=[pb.LoadBalancerIngress(ip=str(ip), ip_mode=ip_mode) for ip in ips],
        )
        self._filled.set()

    def event(self, subject: Subject, reason: str, message: str, type_: str = "Normal") -> None:
        """Something has happened to the object; the oldest untold one goes when too many wait."""
        event = pb.ReportEventRequest(
            component=COMPONENT,
            kind=subject.kind,
            namespace=subject.namespace,
            name=subject.name,
            uid=subject.uid,
            type=type_,
            reason=reason,
            message=message,
        )
        self._events.append(event)
        self._filled.set()

    async def deliver(self, stub: "ControlPlaneAsyncStub") -> None:
        """Tell for ever. Raises AioRpcError when the control plane cannot be reached; what it has
        not taken in then waits for the next call.
        """
        while True:
            self._filled.clear()  # first: what comes while others are told sets it again
            await self._tell_statuses(stub)
            await self._tell_events(stub)
            await self._filled.wait()

    async def _tell_statuses(self, stub: "ControlPlaneAsyncStub") -> None:
        for subject, request in tuple(self._statuses.items()):
            await _tell(stub.ReportLoadBalancer(request, timeout=_CALL_TIMEOUT_S))
            if self._statuses.get(subject) is request:
                del self._statuses[subject]

    async def _tell_events(self, stub: "ControlPlaneAsyncStub") -> None:
        while self._events:
            event = self._events[0]
            await _tell(stub.ReportEvent(event, timeout=_CALL_TIMEOUT_S))
            if self._events[0] is event:  # else it went for a newer one
                self._events.popleft()


async def _tell(call: "grpc.aio.UnaryUnaryCall[Any, Any]") -> None:
    try:
        await call
    except grpc.aio.AioRpcError as error:
        if error.code() in _LATER:
            raise
        if error.code() is not grpc.StatusCode.NOT_FOUND:  # gone: nobody wants to know
            log.warning("a report was refused: %s", error.details())
