"""Keeps the balancers as the cluster wants them, and tells the cluster where they are."""

import asyncio
import logging
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from cloudlb.application.listeners import Listeners
from cloudlb.assignment import Assignment, assign
from cloudlb.claims import INGRESSES, Claim, Kind, claims, is_served_ingress
from cloudlb.health import HealthChecker
from cloudlb.network.forwarder import Forwarder
from cloudlb.plan import Plan, Planner
from cloudlb.pool import AddressPool
from cloudlb.rpc.reports import Reports, Subject
from cloudlb.state import CloudState
from netcore.model.address import IpAddress, IpNetwork
from netcore.model.errors import KubehopError
from netcore.model.load_balancer import Ingress
from netcore.model.node import Node
from netcore.model.service import Service

log = logging.getLogger(__name__)

_RETRY_S = 5.0
_IP_MODES = {Kind.NETWORK: "VIP", Kind.APPLICATION: "Proxy"}


class Place(Protocol):
    """Where the addresses are; see main.Surroundings."""

    @property
    def own(self) -> Collection[IpAddress]: ...

    async def settle(self, plan: Plan, service_cidrs: Iterable[IpNetwork]) -> None: ...


class Cloud:
    """`run` follows the state until cancelled."""

    def __init__(
        self,
        state: CloudState,
        pool: AddressPool,
        place: Place,
        forwarder: Forwarder,
        listeners: Listeners,
        reports: Reports,
        sources: Iterable[IpAddress] = (),
    ) -> None:
        self._state = state
        self._pool = pool
        self._place = place
        self._forwarder = forwarder
        self._listeners = listeners
        self._reports = reports
        self._assignment = Assignment()
        self._told: dict[Subject, tuple[tuple[IpAddress, ...], str]] = {}
        self._problems: dict[Subject, str] = {}
        self.service_cidrs: tuple[IpNetwork, ...] = ()
        self.health = HealthChecker(state.changed.set, sources)

    async def run(self) -> None:
        """What cannot be done now is tried again; it never ends by itself."""
        is_done = True
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(None if is_done else _RETRY_S):
                    await self._state.changed.wait()
            self._state.changed.clear()
            is_done = not self._state.synced or await self._follow()

    async def _follow(self) -> bool:
        state = _Seen.of(self._state)
        wanted = tuple(claims(state.services.values(), state.ingresses.values()))
        self._assignment = assign(wanted, self._pool, self._assignment)
        planner = Planner(
            state.nodes,
            state.services,
            state.ingresses.values(),
            self.health.is_healthy,
        )
        plan = planner.plan(wanted, self._assignment)
        self.health.use(plan.checks)
        try:
            await self._place.settle(plan, self.service_cidrs)
        except KubehopError as error:
            log.error("%s", error)
            return False
        nodes = frozenset(ip.packed for node in state.nodes for ip in node.underlay_addresses)
        self._forwarder.use(plan.network, nodes, self._silent())
        is_served = await self._listeners.use(plan.application)
        self._report(wanted, state)
        return is_served

    def _silent(self) -> frozenset[bytes]:
        """For its own addresses the kernel answers."""
        return frozenset(ip.packed for ip in self._place.own)

    def _report(self, wanted: Iterable[Claim], state: "_Seen") -> None:
        statuses: dict[Subject, tuple[tuple[IpAddress, ...], str]] = {}
        problems: dict[Subject, str] = {}
        for claim in wanted:
            ips = self._assignment.addresses.get(claim.owner, ())
            mode = "" if claim.owner == INGRESSES else _IP_MODES[claim.kind]
            for subject in state.subjects(claim):
                statuses[subject] = ips, mode
                if problem := self._assignment.problems.get(claim.owner):
                    problems[subject] = problem
        for service in state.services.values():
            if service.type != "LoadBalancer" and service.load_balancer is not None:
                statuses[_subject(service)] = (), ""
        self._tell(statuses, problems, state)

    def _tell(
        self,
        statuses: Mapping[Subject, tuple[tuple[IpAddress, ...], str]],
        problems: Mapping[Subject, str],
        state: "_Seen",
    ) -> None:
        for subject, problem in problems.items():
            if self._problems.get(subject) != problem:
                text = f"Error syncing load balancer: failed to ensure load balancer: {problem}"
                self._reports.event(subject, "SyncLoadBalancerFailed", text, "Warning")
        for subject, (ips, mode) in statuses.items():
            if self._told.get(subject) == (ips, mode):
                continue
            is_new = set(ips) != set(state.present(subject))
            if is_new and ips:
                self._reports.event(subject, "EnsuringLoadBalancer", "Ensuring load balancer")
            self._reports.status(subject, ips, mode)
            if is_new and ips:
                self._reports.event(subject, "EnsuredLoadBalancer", "Ensured load balancer")
        self._told, self._problems = dict(statuses), dict(problems)


@dataclass(frozen=True, slots=True)
class _Seen:
    """The state as it was at one moment: while things are being done it goes on changing."""

    nodes: tuple[Node, ...]
    services: Mapping[tuple[str, str], Service]
    ingresses: Mapping[tuple[str, str], Ingress]

    @classmethod
    def of(cls, state: CloudState) -> "_Seen":
        return cls(tuple(state.nodes.values()), dict(state.services), dict(state.ingresses))

    def present(self, subject: Subject) -> tuple[IpAddress, ...]:
        """What the object's status says already."""
        key = subject.namespace, subject.name
        if subject.kind == "Ingress":
            return self.ingresses[key].ingress_ips
        wanted = self.services[key].load_balancer
        return () if wanted is None else wanted.ingress_ips

    def subjects(self, claim: Claim) -> list[Subject]:
        """The objects that a claim is for."""
        if claim.owner != INGRESSES:
            return [_subject(self.services[claim.owner.namespace, claim.owner.name])]
        return [
            Subject("Ingress", each.namespace, each.name, each.uid)
            for each in self.ingresses.values()
            if is_served_ingress(each)
        ]


def _subject(service: Service) -> Subject:
    return Subject("Service", service.namespace, service.name, service.uid)
