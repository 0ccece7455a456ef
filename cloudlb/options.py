"""The command line."""

import argparse
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from cloudlb.pool import AddressPool, parse_pool
from netcore.model.address import IpAddress, parse_address
from netcore.model.errors import ConfigError

_PROGRAM = "cloudlb"
AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Options:
    """`pool` None: made from the device's own network. `address` None: the one towards the
    control plane.
    """

    control_plane: str
    address: IpAddress | None
    pool: AddressPool | None
    name: str
    instance_id: str
    metrics: tuple[str, int] | None = None


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{_PROGRAM}: {message}\n")


def parse_options(arguments: Sequence[str]) -> Options:
    """The options. Ends the program with one line and exit code 2 when they are wrong."""
    parser = _Parser(prog=_PROGRAM, description="The cloud's load balancers.")
    add = parser.add_argument
    add("--control-plane", required=True, metavar="HOST:PORT|unix:/PATH")
    add(
        "--address",
        default=AUTO,
        metavar="IP",
        help="this machine's address on the underlay [the one towards the control plane]",
    )
    add(
        "--pool",
        default=AUTO,
        metavar="FIRST-LAST,...",
        help="the external addresses to give away: ranges, CIDRs or single addresses; auto: "
        "this machine's own address first, then 49 near the end of its network",
    )
    add("--name", default="cloudlb", help="wanted name")
    add("--instance-id", default="", help="stable over restarts (default: hostname)")
    add("--metrics-listen", metavar="IP:PORT", help="serve /metrics for Prometheus")
    given = parser.parse_args(arguments)
    try:
        return Options(
            control_plane=given.control_plane,
            address=None if given.address == AUTO else parse_address(given.address),
            pool=None if given.pool == AUTO else parse_pool(given.pool),
            name=given.name,
            instance_id=given.instance_id or socket.gethostname(),
            metrics=_listen(given.metrics_listen) if given.metrics_listen else None,
        )
    except ConfigError as error:
        parser.error(str(error))


def _listen(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not port.isascii() or not port.isdecimal() or int(port) > 65535:
        raise ConfigError(f"--metrics-listen {text!r}: must be IP:PORT")
    return str(parse_address(host.removeprefix("[").removesuffix("]"))), int(port)
