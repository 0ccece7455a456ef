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
        """Tell for ever. Raises AioRpcError when the control plane cannot be reached."""
        while True:
            for subject, request in tuple(self._statuses.items()):
                await self._tell_status(stub, request)
                if self._statuses.get(subject) is request:
                    del self._statuses[subject]
            while self._events:
                event = self._events[0]
                await _tell(stub.ReportEvent(event, timeout=_CALL_TIMEOUT_S))
                if self._events and self._events[0] is event:
                    self._events.popleft()
            if not self._statuses:
                await self._filled.wait()
            self._filled.clear()

    async def _tell_status(
        self, stub: "ControlPlaneAsyncStub", request: pb.ReportLoadBalancerRequest
    ) -> None:
        await _tell(stub.ReportLoadBalancer(request, timeout=_CALL_TIMEOUT_S))


async def _tell(call: "grpc.aio.UnaryUnaryCall[Any, Any]") -> None:
    try:
        await call
    except grpc.aio.AioRpcError as error:
        if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
            raise
        if error.code() is not grpc.StatusCode.NOT_FOUND:  # gone: nobody wants to know
            log.warning("a report was refused: %s", error.details())
