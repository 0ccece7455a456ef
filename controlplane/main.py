"""Wiring: opens the sockets, the store and the certificates, runs the API until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import signal
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, ProcessCollector, disable_created_metrics

from controlplane import pki
from controlplane.api.access.authorizer import Rbac
from controlplane.api.access.grants import Grants
from controlplane.api.access.service import Access
from controlplane.api.access.tokens import Tokens
from controlplane.api.catalog import RESOURCES
from controlplane.api.client import Client
from controlplane.api.connections import extension_handlers, stream_handlers
from controlplane.api.http.dispatch import Dispatcher
from controlplane.api.registry import Registry
from controlplane.api.server import ApiServer
from controlplane.api.strategies.registry import strategies
from controlplane.api.tracking import track_fields
from controlplane.controllers.queue_metrics import QueueMetrics
from controlplane.controllers.run import make_shared, run_controllers
from controlplane.flags import Options, parse
from controlplane.listening import listen
from controlplane.rpc.agents import Agents
from controlplane.rpc.listen import parse_listen
from controlplane.rpc.pod_tokens import PodTokens
from controlplane.rpc.server import serve_rpc
from controlplane.store.sqlite import SqliteStore
from netcore.model.errors import ConfigError, KubehopError, first_error

if TYPE_CHECKING:
    import socket

    from controlplane.config import ClusterSettings
    from controlplane.controllers.informer import Informers

log = logging.getLogger("controlplane")
BUILD = "0.1.0"
_STORE_FILE = "store.db"
STARTUP_PATIENCE_S = 5.0
"""How long clients are kept waiting for the first objects of the cluster."""


def main(arguments: list[str] | None = None) -> int:
    """Runs until SIGTERM or SIGINT: 0. Wrong configuration: 2. Failure while running: 1."""
    options = parse(arguments)
    logging.basicConfig(
        level=logging.DEBUG if options.verbose else logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname).1s %(name)s: %(message)s",
    )
    disable_created_metrics()  # type: ignore[no-untyped-call]
    try:
        asyncio.run(run(options))
    except ConfigError as error:
        return _fail(error, code=2)
    except KubehopError as error:
        return _fail(error, code=1)
    except BaseExceptionGroup as group:
        ours = group.subgroup(KubehopError)
        if ours is None:
            raise
        return _fail(first_error(ours), code=1)
    return 0


def _fail(error: BaseException, code: int) -> int:
    print(f"controlplane: {error}", file=sys.stderr)
    return code


async def run(options: Options) -> None:
    """Serves until SIGTERM or SIGINT. Raises ConfigError, KubehopError when it cannot."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    with contextlib.ExitStack() as sockets:
        listeners = [
            sockets.enter_context(listen(address, "--api-listen")) for address in options.api_listen
        ]
        certificates = pki.ensure(options.data_dir / "pki", _server_names(options))
        settings = dataclasses.replace(options.settings, ca_certificate=certificates.ca_certificate)
        store = await SqliteStore.open(options.data_dir / _STORE_FILE)
        try:
            await _serve(options, settings, certificates, store, listeners, stop)
        finally:
            await store.close()


async def _serve(
    options: Options,
    settings: ClusterSettings,
    certificates: pki.Pki,
    store: SqliteStore,
    listeners: list[socket.socket],
    stop: asyncio.Event,
) -> None:
    """Controllers first, then agents, then clients; the other way round at the end."""
    listens = [parse_listen(address) for address in options.rpc_listen]
    client = Client(Registry(store, RESOURCES, settings, strategies(), track_fields=track_fields))
    shared = make_shared(client, settings)
    agents = Agents(client)
    started = asyncio.Event()
    metrics, queues = CollectorRegistry(), QueueMetrics()
    ProcessCollector(registry=metrics)
    metrics.register(queues)
    tokens = _tokens(client, certificates, settings)
    pod_tokens = PodTokens(tokens, client, client.registry.now)
    access = Access(Rbac(_grants(shared.informers)), tokens)
    dispatcher = _dispatcher(client, agents, access)
    api = ApiServer(dispatcher, access, ready=started.is_set, metrics=metrics)
    async with asyncio.TaskGroup() as tasks:
        controllers = tasks.create_task(
            run_controllers(
                client,
                settings,
                shared,
                ca_certificate=settings.ca_certificate,
                started=started,
                queues=queues,
            )
        )
        await _wait(started, STARTUP_PATIENCE_S)
        rpc = await serve_rpc(client, store, settings, shared, listens, pod_tokens)
        await api.start(listeners, certificates.server_context())
        _write_kubeconfig(options, settings, certificates)
        log.info("%s: the API listens on %s", settings.cluster_name, settings.server_url)
        await stop.wait()
        log.info("stopping")
        controllers.cancel()
        store.end_watches()
        await asyncio.gather(api.stop(), rpc.stop(), agents.close())


def _grants(informers: Informers) -> Grants:
    group = "rbac.authorization.k8s.io"
    kinds = ("roles", "clusterroles", "rolebindings", "clusterrolebindings")
    return Grants(*(informers.of(f"{kind}.{group}") for kind in kinds))


def _tokens(client: Client, certificates: pki.Pki, settings: ClusterSettings) -> Tokens:
    issuer = f"https://kubernetes.default.svc.{settings.cluster_domain}"
    return Tokens(certificates.token_key, issuer, client)


def _dispatcher(client: Client, agents: Agents, access: Access) -> Dispatcher:
    return Dispatcher(
        client.registry,
        BUILD,
        streams=stream_handlers(client, agents),
        extensions=extension_handlers(client, agents),
        access=access,
    )


async def _wait(event: asyncio.Event, timeout_s: float) -> None:
    """Until the event, but not for ever: an API that says what is wrong beats none."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await event.wait()


def _server_names(options: Options) -> set[str]:
    """All names under which clients and pods reach the API."""
    settings = options.settings
    service = ("kubernetes", "kubernetes.default", "kubernetes.default.svc")
    host = urlsplit(settings.server_url).hostname
    return {
        *service,
        f"kubernetes.default.svc.{settings.cluster_domain}",
        settings.kubernetes_service_ip,
        settings.advertise_address,
        "localhost",
        "127.0.0.1",
        "::1",
        *options.tls_san,
        *((host,) if host else ()),
    }


def _write_kubeconfig(options: Options, settings: ClusterSettings, certificates: pki.Pki) -> None:
    if options.kubeconfig_out is None:
        return
    content = certificates.kubeconfig(settings.cluster_name, settings.server_url)
    try:
        pki.write_private(options.kubeconfig_out, content)
    except OSError as error:
        raise ConfigError(f"--kubeconfig-out {options.kubeconfig_out}: {error.strerror}") from error
