"""The command line."""

import argparse
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from coredns_emu.sockets import ListenAddress, parse_listen
from netcore.model.address import IpAddress, parse_address
from netcore.model.errors import ConfigError

_PROGRAM = "coredns_emu"


@dataclass(frozen=True, slots=True)
class Options:
    control_plane: str
    udp: tuple[ListenAddress, ...]
    tcp: tuple[ListenAddress, ...]
    advertise: tuple[IpAddress, ...]
    resolv_conf: str
    name: str
    instance_id: str
    health: ListenAddress | None
    ready: ListenAddress | None
    metrics: tuple[ListenAddress, ...] = ()


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{_PROGRAM}: {message}\n")


def parse_options(arguments: Sequence[str]) -> Options:
    """The options. Ends the program with one line and exit code 2 when they are wrong."""
    parser = _build_parser()
    given = parser.parse_args(arguments)
    try:
        return _options(given)
    except ConfigError as error:
        parser.error(str(error))


def _build_parser() -> argparse.ArgumentParser:
    parser = _Parser(prog=_PROGRAM, description="The cluster's DNS server.")
    add = parser.add_argument
    add("--control-plane", required=True, metavar="HOST:PORT|unix:/PATH")
    add("--listen", action="append", default=[], metavar="IP:PORT", help="UDP and TCP")
    add("--listen-udp", action="append", default=[], metavar="IP:PORT|fd://N")
    add("--listen-tcp", action="append", default=[], metavar="IP:PORT|fd://N")
    add(
        "--advertise-address",
        action="append",
        default=[],
        metavar="IP",
        help="the underlay address at which pods reach this server"
        " [the one used towards the control plane]",
    )
    add("--resolv-conf", default="/etc/resolv.conf", metavar="FILE", help="of other names")
    add("--name", default="", help="wanted name; the control plane hands one out without")
    add("--instance-id", default="", help="stable over restarts (default: name or hostname)")
    add("--health-listen", metavar="IP:PORT", help="serve /health")
    add("--ready-listen", metavar="IP:PORT", help="serve /ready")
    add(
        "--metrics-listen",
        action="append",
        default=[],
        metavar="IP:PORT|fd://N",
        help="serve /metrics; Prometheus looks at port 9153",
    )
    return parser


def _options(given: argparse.Namespace) -> Options:
    both = tuple(parse_listen(text, inherited=False) for text in given.listen)
    udp = (*both, *map(parse_listen, given.listen_udp))
    tcp = (*both, *map(parse_listen, given.listen_tcp))
    if not udp and not tcp:
        raise ConfigError("nothing to listen at: give --listen IP:53")
    return Options(
        control_plane=given.control_plane,
        udp=udp,
        tcp=tcp,
        advertise=tuple(map(parse_address, given.advertise_address)),
        resolv_conf=given.resolv_conf,
        name=given.name,
        instance_id=given.instance_id or given.name or socket.gethostname(),
        health=_optional(given.health_listen),
        ready=_optional(given.ready_listen),
        metrics=tuple(map(parse_listen, given.metrics_listen)),
    )


def _optional(text: str | None) -> ListenAddress | None:
    return parse_listen(text, inherited=False) if text else None
