"""Wiring: which part of the agent gets which other part."""

import asyncio
import gc
import logging
import signal
import socket
import sys
from contextlib import AsyncExitStack

from prometheus_client import disable_created_metrics

from netcore.ipam.allocator import AddressAllocator
from netcore.model.address import IpAddress, authority, parse_address
from netcore.model.errors import ConfigError, KubehopError, first_error
from netcore.pipeline.snapshot import empty_snapshot
from nodeagent.agent import Agent
from nodeagent.datapath.base import Site
from nodeagent.datapath.registry import DATAPATHS
from nodeagent.edges.links import device_of, source_towards, with_other_family
from nodeagent.flags import AUTO, Flags, parse_underlay
from nodeagent.healthz import ProxyHealth
from nodeagent.metrics.page import METRICS_PORT, MetricsPage
from nodeagent.metrics.registry import node_metrics
from nodeagent.network import LocalPodNetwork
from nodeagent.pods.desired import DesiredPods
from nodeagent.pods.interfaces import NodeFacts as PodNodeFacts
from nodeagent.pods.kubelet import Kubelet
from nodeagent.pods.runtime import ZygoteRuntime
from nodeagent.rpc.client import ControlPlaneClient, Membership
from nodeagent.rpc.facts import NodeFacts, machine_instance_id, vtep_mac_of
from nodeagent.rpc.reporter import RpcReporter
from nodeagent.rpc.service import AgentServer

log = logging.getLogger(__name__)

_SHUTDOWN_GRACE_S = 2.0
_RPC_PORT = 7444


def run(flags: Flags, runtime: ZygoteRuntime) -> None:
    """Serve one node until SIGTERM or SIGINT. Raises KubehopError when that cannot be."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    if flags.datapath not in DATAPATHS:
        known = ", ".join(DATAPATHS)
        raise ConfigError(f"--datapath {flags.datapath!r}: there is {known}")
    disable_created_metrics()  # type: ignore[no-untyped-call]
    # The packet thread must not wait a whole default interval (5 ms) for its turn.
    sys.setswitchinterval(0.0005)
    # A collection stops the packet thread, and the longer the more flows there are: those hold no
    # cycles. What is here already stays for good.
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
    asyncio.run(_serve(flags, runtime))


async def _serve(flags: Flags, runtime: ZygoteRuntime) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(runtime.close)
        try:
            async with asyncio.TaskGroup() as tasks:
                serving = asyncio.Event()
                node = tasks.create_task(_run_node(flags, runtime, serving, stopping))
                stop = tasks.create_task(stopping.wait())
                await asyncio.wait((node, stop), return_when=asyncio.FIRST_COMPLETED)
                stopping.set()
                if serving.is_set():
                    await asyncio.wait((node,), timeout=_SHUTDOWN_GRACE_S * 2)
                node.cancel()
        except* KubehopError as group:
            raise first_error(group) from None


async def _run_node(
    flags: Flags, runtime: ZygoteRuntime, serving: asyncio.Event, stopping: asyncio.Event
) -> None:
    underlay = await asyncio.to_thread(_underlay_addresses, flags)
    server = AgentServer(*_rpc_listens(flags, underlay))
    vtep_mac = vtep_mac_of(underlay[0])
    facts = _facts(flags, underlay, server.port, vtep_mac)
    client = ControlPlaneClient(flags.control_plane, facts)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(client.close)
        membership = await client.register()
        node = membership.node
        snapshot = empty_snapshot(membership.config, node)
        site = Site(snapshot, node.underlay_addresses[0], vtep_mac, flags.flow_buffer)
        datapath = await asyncio.to_thread(DATAPATHS[flags.datapath], site)
        stack.callback(datapath.close)
        await client.declare(datapath.capabilities)
        agent = Agent(snapshot, datapath)
        allocators = tuple(AddressAllocator(cidr, node.name) for cidr in node.pod_cidrs)
        network = LocalPodNetwork(agent, allocators)
        pod_facts = _pod_facts(flags, membership)
        kubelet = Kubelet(network, RpcReporter(client), pod_facts, runtime)
        metrics = node_metrics(agent)
        await server.serve(agent, kubelet, metrics, flow_payloads=flags.flow_payloads)
        stack.push_async_callback(server.stop)
        log.info("node %s serves %s", node.name, ", ".join(map(str, node.pod_cidrs)))
        serving.set()
        page = MetricsPage(metrics, flags.metrics_listen or _metrics_listens(underlay))
        await _work(agent, kubelet, client, membership, runtime, stopping, page)


async def _work(
    agent: Agent,
    kubelet: Kubelet,
    client: ControlPlaneClient,
    membership: Membership,
    runtime: ZygoteRuntime,
    stopping: asyncio.Event,
    page: MetricsPage,
) -> None:
    own = agent.snapshot.node
    hosts = tuple(map(str, own.underlay_addresses)) if own is not None else ()
    health = ProxyHealth(agent, hosts)
    async with asyncio.TaskGroup() as outer:
        # Pods end by what the runtime tells of their processes, also when something here fails.
        containers = outer.create_task(runtime.run())
        async with asyncio.TaskGroup() as tasks:
            background = [
                tasks.create_task(_follow(agent, DesiredPods(kubelet), health, client)),
                tasks.create_task(health.serve()),
                tasks.create_task(page.serve()),
                tasks.create_task(agent.keep_applied()),
                tasks.create_task(client.deliver()),
                tasks.create_task(
                    client.heartbeat(
                        membership.heartbeat_interval_s,
                        lambda: (*agent.readiness, agent.applied_revision),
                        agent.became_ready,
                    )
                ),
            ]
            pods = tasks.create_task(kubelet.run())
            await stopping.wait()
            await kubelet.shutdown(_SHUTDOWN_GRACE_S)
            for task in (pods, *background):
                task.cancel()
        containers.cancel()


async def _follow(
    agent: Agent, desired: DesiredPods, health: ProxyHealth, client: ControlPlaneClient
) -> None:
    async for batch in client.watch(lambda: agent.position):
        agent.receive(batch)
        health.update()
        desired.receive(batch)


def _underlay_addresses(flags: Flags) -> tuple[IpAddress, ...]:
    """The flag's value, or for `auto` the address that routes use towards the control plane, and
    one of the other family that the same device has.
    """
    if flags.underlay_address != AUTO:
        addresses = parse_underlay(flags.underlay_address)
        for address in addresses:
            device_of(address)  # raises when it is not this machine's
        return addresses
    host = flags.control_plane.rpartition(":")[0].strip("[]")
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0]
    except OSError as error:
        raise ConfigError(
            f"--control-plane {flags.control_plane}: cannot find {host}: {error}; "
            "is the control plane started and its name known here?"
        ) from error
    return with_other_family(source_towards(parse_address(str(found))))


def _rpc_listens(flags: Flags, underlay: tuple[IpAddress, ...]) -> list[str]:
    """At each address: the control plane calls at that of the cluster's primary family."""
    if flags.rpc_listen:
        return [flags.rpc_listen]
    return [authority(ip, _RPC_PORT) for ip in underlay]


def _metrics_listens(underlay: tuple[IpAddress, ...]) -> tuple[tuple[str, int], ...]:
    """As kube-proxy for who is on the node, and for Prometheus at the node's addresses."""
    return tuple((host, METRICS_PORT) for host in ("127.0.0.1", *map(str, underlay)))


def _facts(
    flags: Flags, underlay: tuple[IpAddress, ...], rpc_port: int, vtep_mac: bytes
) -> NodeFacts:
    return NodeFacts(
        instance_id=flags.instance_id or machine_instance_id(),
        underlay=underlay,
        rpc_port=rpc_port,
        vtep_mac=vtep_mac,
        name=flags.node_name,
        labels=flags.node_labels,
        taints=flags.node_taints,
    )


def _pod_facts(flags: Flags, membership: Membership) -> PodNodeFacts:
    flags.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    config = membership.config
    return PodNodeFacts(
        name=membership.node.name,
        host_ips=tuple(map(str, membership.node.underlay_addresses)),
        cluster_domain=config.cluster_domain,
        dns_addresses=tuple(map(str, config.dns_addresses)),
        resolv_conf=flags.resolv_conf,
        state_dir=flags.state_dir,
    )
