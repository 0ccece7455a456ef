"""The first process of a cluster: it makes the underlay, keeps the programs running, ends all."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import time
from typing import TYPE_CHECKING, Any

from kubehop.local import commands
from kubehop.local.component import Component, Place
from kubehop.local.control import serve_control
from kubehop.local.launch import ADOPTED, LaunchEvent, LaunchOrder
from kubehop.local.logfile import LogFile
from kubehop.local.reaper import Reaper
from kubehop.local.spec import CLOUD_ADDRESS, DNS_ADDRESS
from netcore.model.address import authority
from netcore.model.errors import KubehopError

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubehop.local.commands import Command
    from kubehop.local.underlay import Underlay

log = logging.getLogger(__name__)

_STOP_PATIENCE_S = 1.0


class Supervisor:
    """Owns everything that a cluster is made of, but its files."""

    def __init__(self, order: LaunchOrder, adopted: Callable[[], object]) -> None:
        self._order, self._spec, self._paths = order, order.spec, order.paths
        self._on_adoption = adopted
        self._components: list[Component] = []
        self._runs: list[asyncio.Task[None]] = []
        self._sockets: list[socket.socket] = []
        self._stop = asyncio.Event()
        self._outside: int | None = None
        self._adopted = False
        self._started = time.time()
        self._api = _listen_api(self._spec.api_address, self._spec.api_port)

    async def run(self) -> bool:
        """Until SIGTERM, or until the launching command dies: whether it had been adopted."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        try:
            async with (
                serve_control(self._paths.control_socket, self._answer),
                asyncio.TaskGroup() as group,
            ):
                lifeline = group.create_task(self._watch_lifeline())
                self._start(group, Reaper(loop))
                LaunchEvent("running").send(self._order.lifeline)
                await self._stop.wait()
                lifeline.cancel()
                await self._end_components()
        finally:
            _kill_all_others()
        return self._adopted

    def _start(self, group: asyncio.TaskGroup, reaper: Reaper) -> None:
        """Starts the programs as soon as what each needs is there."""
        from kubehop.local.underlay import Underlay  # after the socket: netlink loads slowly

        def add(command: Command, netns: int | None, *inherited: socket.socket) -> None:
            self._sockets.extend(inherited)  # open for the program's next start, too
            place = Place(netns, tuple(sock.fileno() for sock in inherited))
            logfile = LogFile(self._paths.log(command.component))
            component = Component(command, place, logfile, reaper)
            self._components.append(component)
            self._runs.append(group.create_task(component.keep_running()))

        underlay = Underlay(has_ipv6=6 in self._spec.versions)
        self._outside = underlay.netns
        port = self._api.getsockname()[1]
        add(commands.control_plane(self._spec, self._paths, port), underlay.netns, self._api)
        dns_sockets = underlay.listen_dns(self._spec.addresses(DNS_ADDRESS))
        add(commands.dns(self._spec), None, *dns_sockets)
        add(commands.cloud(self._spec), underlay.connect_machine("cloud", CLOUD_ADDRESS))
        for index, namespace in enumerate(self._node_namespaces(underlay)):
            add(commands.node(self._spec, self._paths, index), namespace)

    def _node_namespaces(self, underlay: Underlay) -> list[int]:
        return [
            underlay.connect_node(index + 1, self._spec.node_address(index))
            for index in range(len(self._spec.nodes))
        ]

    async def _watch_lifeline(self) -> None:
        """The command that launched the cluster adopts it or, by dying, ends it."""
        loop = asyncio.get_running_loop()
        lifeline = socket.socket(fileno=self._order.lifeline)
        lifeline.setblocking(False)
        try:
            with contextlib.suppress(OSError):
                self._adopted = await loop.sock_recv(lifeline, len(ADOPTED)) == ADOPTED
        finally:
            lifeline.detach()  # stays open for the news of a failure
        if self._adopted:
            self._on_adoption()
            os.close(self._order.lifeline)
            log.info("the cluster is complete")
        else:
            log.warning("the command that started the cluster has ended: ending the cluster")
            self._stop.set()

    async def _end_components(self) -> None:
        """Gives the programs of a complete cluster the time to end politely; then ends all."""
        for component in self._components:
            component.stop()
        if self._adopted:
            await asyncio.wait(self._runs, timeout=_STOP_PATIENCE_S)
        _kill_all_others()

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        if request.get("operation") != "status":
            return {"error": "the supervisor answers to status only"}
        host, port = self._api.getsockname()[:2]
        return {
            "name": self._spec.name,
            "spec": self._spec.to_json(),
            "startedAt": self._started,
            "server": f"https://{authority(host, port)}",
            "outsideNetns": self._outside,
            "components": [component.status() for component in self._components],
        }


def _kill_all_others() -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)  # every process of the PID namespace but its first, this one


def _listen_api(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        return socket.create_server((address, port), family=family, backlog=512)
    except OSError as error:
        raise KubehopError(
            f"cannot serve the Kubernetes API at {address} port {port}: {error.strerror}; "
            "choose another networking.apiServerPort, or 0 for a free one"
        ) from error


async def supervise(order: LaunchOrder, adopted: Callable[[], object]) -> bool:
    """Runs the cluster until its end: whether the command had adopted it.

    `adopted` is called when it does, before the command learns of it.
    """
    return await Supervisor(order, adopted).run()
