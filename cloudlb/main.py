"""Wiring: options, the device, the balancers, the control plane."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_address
from random import SystemRandom

from prometheus_client import CollectorRegistry, ProcessCollector, disable_created_metrics

from cloudlb.application.listeners import Listeners
from cloudlb.application.proxy import HttpProxy
from cloudlb.cloud import Cloud
from cloudlb.edges.device import Device, Port
from cloudlb.edges.frame_socket import HEADER_BYTES, MAX_BYTES, FrameSocket
from cloudlb.metrics import BalancerCollector, serve_metrics
from cloudlb.network.forwarder import Forwarder
from cloudlb.options import Options, parse_options
from cloudlb.plan import Plan
from cloudlb.pool import AddressPool, AddressRange
from cloudlb.rpc.reports import Reports
from cloudlb.state import CloudState
from netcore.model.address import IpAddress, IpNetwork
from netcore.model.config import ClusterConfig
from netcore.model.errors import ConfigError
from protos.member import Identity, Member, Role, Topic, source_towards
from protos.program import run_program, until_stopped

log = logging.getLogger("cloudlb")

_TOPICS = (Topic.NODES, Topic.SERVICES, Topic.INGRESSES)
_AUTO_FROM_END, _AUTO_SIZE = 55, 49
"""Where the pool of `auto` begins, counted from the end of the network: x.y.255.201 in a /16."""


def main(arguments: Sequence[str]) -> int:
    """Serve until SIGTERM or SIGINT. The exit code: 0, or 1 when the balancers cannot run."""
    options = parse_options(arguments)
    disable_created_metrics()  # type: ignore[no-untyped-call]
    return run_program("cloudlb", _serve(options))


class Surroundings:
    """What of the machine's network follows from a plan."""

    def __init__(
        self, device: Device, pool: AddressPool, sources: tuple[IpAddress, ...] = ()
    ) -> None:
        """`sources` are addresses of the balancers' own for calls to nodes, one of each family,
        where `pool` has the machine's.
        """
        self._device = device
        self._pool = pool
        self._sources = sources
        self._settled: object = None

    @property
    def own(self) -> tuple[IpAddress, ...]:
        return self._device.own

    async def settle(self, plan: Plan, service_cidrs: Iterable[IpNetwork]) -> None:
        """The device has what programs listen at, and leaves alone what is only passed on."""
        addresses = frozenset((*plan.local_addresses, *self._sources))
        silent = frozenset(
            (ip_address(address), protocol, port)
            for address, protocol, port in plan.network
            if ip_address(address) in self.own
        )
        networks = tuple(service_cidrs)
        firsts = {
            gateway.version: gateway
            for gateway in reversed(plan.gateways)
            if plan.application  # nobody else is called by a cluster IP
        }
        gateways = tuple(firsts.values())
        wanted = addresses, silent, networks, frozenset(gateways)
        if wanted != self._settled:
            self._settled = None
            await asyncio.to_thread(self._settle, addresses, silent, networks, gateways)
            self._settled = wanted

    def _settle(
        self,
        addresses: frozenset[IpAddress],
        silent: frozenset[Port],
        networks: Iterable[IpNetwork],
        gateways: Sequence[IpAddress],
    ) -> None:
        self._device.have(addresses, self._pool.__contains__)
        self._device.ignore(silent)
        self._device.route(networks, gateways)


async def _serve(options: Options) -> None:
    own = options.address or source_towards(options.control_plane)
    device = await asyncio.to_thread(Device, own)
    pool = options.pool
    sources: tuple[IpAddress, ...] = ()
    if pool is None:
        pool, sources = own_pool(device.own, device.network)
    log.info("the pool is %s", pool)
    frames = FrameSocket(device.name)
    forwarder = Forwarder(frames, HEADER_BYTES, MAX_BYTES)
    state, reports, proxy = CloudState(), Reports(), HttpProxy(sources)
    listeners = Listeners(proxy)
    place = Surroundings(device, pool, sources)
    cloud = Cloud(state, pool, place, forwarder, listeners, reports, sources)
    await place.settle(Plan(), ())
    await proxy.start()
    asyncio.get_running_loop().add_reader(frames.descriptor, forwarder.drain)
    try:
        member = _member(options, device, state, reports, cloud)
        services = [member.run(), cloud.run(), cloud.health.run()]
        if options.metrics is not None:
            registry = CollectorRegistry()
            ProcessCollector(registry=registry)
            registry.register(BalancerCollector(forwarder, proxy, cloud.health))
            services.append(serve_metrics(*options.metrics, registry))
        await until_stopped(services)
    finally:
        asyncio.get_running_loop().remove_reader(frames.descriptor)
        frames.close()
        await listeners.close()
        await proxy.close()


def _member(
    options: Options, device: Device, state: CloudState, reports: Reports, cloud: Cloud
) -> Member:
    def configured(config: ClusterConfig) -> None:
        cloud.service_cidrs = config.service_cidrs

    identity = Identity(Role.LOAD_BALANCER, options.instance_id, options.name, device.own)
    return Member(
        options.control_plane,
        identity,
        state,
        configured,
        SystemRandom(),
        _TOPICS,
        reports.deliver,
    )


def own_pool(
    own: Iterable[IpAddress], network: Callable[[int], IpNetwork | None]
) -> tuple[AddressPool, tuple[IpAddress, ...]]:
    """The pool of `auto`, and the addresses for calls to nodes that it leaves out, one of each
    family.

    The machine's own address is the first one to be given away: it is the one that a container
    engine can publish. Raises ConfigError for networks that are too small.
    """
    ranges, sources = [], []
    for address in own:
        within = network(address.version)
        if within is None or within.num_addresses < 256:
            raise ConfigError(f"--pool: the network of {address} is too small: name the addresses")
        last = within[min(within.num_addresses, 65_536) - 1]
        first = last - _AUTO_FROM_END
        sources.append(first)
        ranges.append(AddressRange(address, address))
        ranges.append(AddressRange(first + 1, first + _AUTO_SIZE + 1))
    return AddressPool(tuple(ranges)), tuple(sources)
