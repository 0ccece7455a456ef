"""Wiring: options, sockets, the plugin chain, the control plane."""

import logging
import resource
import socket
import time
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random, SystemRandom
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from coredns_emu.chain import Plugin, link
from coredns_emu.http import serve_metrics, serve_page
from coredns_emu.metrics import MeasuredResponder, describe_server
from coredns_emu.options import Options, parse_options
from coredns_emu.plugins.errors import Errors
from coredns_emu.plugins.forward import Forward
from coredns_emu.plugins.forward.upstreams import Upstream, parse_resolv_conf, without_self
from coredns_emu.plugins.health import health
from coredns_emu.plugins.kubernetes import Kubernetes
from coredns_emu.plugins.loadbalance import LoadBalance
from coredns_emu.plugins.ready import ready
from coredns_emu.responder import Responder
from coredns_emu.server import TcpServer, UdpServer
from coredns_emu.sockets import ListenAddress, open_tcp, open_udp
from coredns_emu.state import ClusterState
from netcore.dns.zones import Zones
from netcore.model.address import IpAddress, parse_address
from netcore.model.config import ClusterConfig
from netcore.model.errors import KubehopError
from protos.member import Identity, Member, Role, Topic, source_towards
from protos.program import run_program, until_stopped

log = logging.getLogger("coredns_emu")

_TOPICS = (Topic.SERVICES, Topic.ENDPOINT_SLICES, Topic.NAMESPACES)


def main(arguments: Sequence[str]) -> int:
    """Serve until SIGTERM or SIGINT. The exit code: 0, or 1 when the server cannot run."""
    options = parse_options(arguments)
    _raise_descriptor_limit()
    disable_created_metrics()  # type: ignore[no-untyped-call]
    return run_program("coredns_emu", _serve(options))


async def _serve(options: Options) -> None:
    udp = [open_udp(address) for address in options.udp]
    tcp = [open_tcp(address) for address in options.tcp]
    for sock in (*udp, *tcp):
        protocol = "udp" if sock.type is socket.SOCK_DGRAM else "tcp"
        log.info("listening at %s/%s", ListenAddress(*sock.getsockname()[:2]), protocol)
    random = SystemRandom()
    resolvers = _read_upstreams(options.resolv_conf)
    if not options.advertise:
        options = replace(options, advertise=(source_towards(options.control_plane),))
    upstreams = without_self(resolvers, _own(options, (*udp, *tcp)))
    if not upstreams:
        log.warning("no resolvers in %s: names outside the cluster fail", options.resolv_conf)
    state = ClusterState(time.time)
    kubernetes = Kubernetes(state, Zones(local_addresses=options.advertise))
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    plugins = _plugins(kubernetes, upstreams, random)
    describe_server(registry, [plugin.name for plugin in plugins], state)
    plain = Responder(link(plugins), any_class=bool(upstreams))
    # Who is not asked for figures does not count.
    responder = MeasuredResponder(plain, registry) if options.metrics else plain
    services = [_follow(options, state, kubernetes, random)]
    services += [UdpServer(sock, responder).run() for sock in udp]
    services += [TcpServer(sock, responder).run() for sock in tcp]
    if options.health is not None:
        services.append(serve_page(options.health, "/health", health))
    if options.ready is not None:
        services.append(serve_page(options.ready, "/ready", lambda: ready([kubernetes])))
    metrics = [open_tcp(address) for address in options.metrics]
    services += [serve_metrics(sock, partial(generate_latest, registry)) for sock in metrics]
    await until_stopped(services)


def _follow(
    options: Options, state: ClusterState, kubernetes: Kubernetes, random: Random
) -> Coroutine[Any, Any, None]:
    """Keeps `state` and the served domain as the control plane says."""

    def serve_domain(config: ClusterConfig) -> None:
        kubernetes.serve_domain(config.cluster_domain)

    identity = Identity(Role.DNS, options.instance_id, options.name, options.advertise)
    member = Member(options.control_plane, identity, state, serve_domain, random, _TOPICS)
    return member.run()


def _plugins(kubernetes: Kubernetes, upstreams: Sequence[Upstream], random: Random) -> list[Plugin]:
    plugins: list[Plugin] = [Errors(), LoadBalance(random), kubernetes]
    if upstreams:
        plugins.append(Forward(upstreams, random))
    return plugins


def _read_upstreams(path: str) -> tuple[Upstream, ...]:
    try:
        return parse_resolv_conf(Path(path).read_text(encoding="utf-8", errors="replace"))
    except OSError as error:
        raise KubehopError(f"cannot read --resolv-conf {path}: {error.strerror}") from error


def _own(options: Options, sockets: Iterable[socket.socket]) -> list[tuple[IpAddress, int]]:
    """The addresses at which this server itself would be reached."""
    bound = [sock.getsockname()[:2] for sock in sockets]
    own = [(parse_address(host), port) for host, port in bound]
    return own + [(address, port) for address in options.advertise for _, port in bound]


def _raise_descriptor_limit() -> None:
    """As many descriptors as allowed: every forwarded query has a socket of its own."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
