"""The command line of the control plane."""

from __future__ import annotations

import argparse
import socket
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import NoReturn

from controlplane.config import ClusterSettings, IPNetwork
from controlplane.listening import split_address
from netcore.model.config import DEFAULT_PROXY_MODE
from netcore.service.modes.registry import LB_ALGORITHMS, PROXY_MODES
from netcore.service.schedulers import SCHEDULERS

DEFAULT_API_LISTEN = "127.0.0.1:6443"
DEFAULT_RPC_LISTEN = "0.0.0.0:7443"


@dataclass(frozen=True, slots=True)
class Options:
    """The parsed command line."""

    settings: ClusterSettings
    data_dir: Path
    api_listen: tuple[str, ...]
    rpc_listen: tuple[str, ...]
    tls_san: tuple[str, ...]
    kubeconfig_out: Path | None
    verbose: bool


def _network(text: str) -> IPNetwork:
    try:
        return ip_network(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _address(text: str) -> str:
    try:
        address = ip_address(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if address.is_loopback or address.is_unspecified or address.is_link_local:
        raise argparse.ArgumentTypeError(f"{address} is no address at which pods reach the API")
    return str(address)


def own_address() -> str | None:
    """This machine's address towards other machines, None when it has no route. Sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))  # TEST-NET-2: only the route is looked up
        except OSError:
            return None
        return str(probe.getsockname()[0])


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (--help shows all flags)\n")


def parser() -> argparse.ArgumentParser:
    """The flags and their defaults."""
    made = _Parser(prog="controlplane", description="The control plane of a kubehop cluster.")
    _add_process_flags(made)
    _add_cluster_flags(made)
    return made


def _add_process_flags(made: argparse.ArgumentParser) -> None:
    add = made.add_argument
    add("--data-dir", type=Path, required=True, help="where state and certificates are kept")
    add(
        "--api-listen",
        action="append",
        metavar="HOST:PORT|fd://N",
        help=f"where the Kubernetes API listens; may be given again [{DEFAULT_API_LISTEN}]",
    )
    add(
        "--rpc-listen",
        action="append",
        metavar="IP:PORT|unix:/PATH",
        help=f"where agents connect to; may be given again [{DEFAULT_RPC_LISTEN}]",
    )
    add("--server-url", help="the API's URL in the kubeconfig [from --api-listen]")
    add("--kubeconfig-out", type=Path, help="write the administrator's kubeconfig here")
    add(
        "--tls-san",
        action="append",
        default=[],
        metavar="NAME|IP",
        help="another name of the API server; may be given again",
    )
    add("--verbose", action="store_true", help="log every decision")


def _add_cluster_flags(made: argparse.ArgumentParser) -> None:
    add = made.add_argument
    add("--cluster-name", default="kubehop")
    add(
        "--advertise-address",
        type=_address,
        help="this machine's address as pods reach it, behind the Service `kubernetes`",
    )
    add("--advertise-port", type=int, help="the API's port there [that of --api-listen]")
    add("--pod-cidr", type=_network, default=ip_network("10.244.0.0/16"))
    add("--service-cidr", type=_network, default=ip_network("10.96.0.0/16"))
    add("--node-cidr-mask-size", type=int, default=24)
    add("--cluster-domain", default="cluster.local")
    add("--proxy-mode", default=DEFAULT_PROXY_MODE, choices=PROXY_MODES)
    add("--ipvs-scheduler", default="rr", choices=tuple(SCHEDULERS))
    add("--lb-algorithm", default="random", choices=LB_ALGORITHMS, help="of proxy mode ebpf")
    add("--underlay-mtu", type=int, default=1500)


def parse(arguments: list[str] | None = None) -> Options:
    """The options. Exits with code 2 and one line for a wrong one, as argparse does."""
    made = parser()
    given = made.parse_args(arguments)
    api_listen = tuple(given.api_listen or (DEFAULT_API_LISTEN,))
    _check_networks(made, given)
    return Options(
        settings=_settings(made, given, api_listen),
        data_dir=given.data_dir,
        api_listen=api_listen,
        rpc_listen=tuple(given.rpc_listen or (DEFAULT_RPC_LISTEN,)),
        tls_san=tuple(given.tls_san),
        kubeconfig_out=given.kubeconfig_out,
        verbose=given.verbose,
    )


def _settings(
    made: argparse.ArgumentParser, given: argparse.Namespace, api_listen: tuple[str, ...]
) -> ClusterSettings:
    try:
        port = given.advertise_port or _first_port(api_listen)
    except ValueError as error:
        made.error(f"argument --api-listen: {error}: {', '.join(api_listen)}")
    advertised = given.advertise_address or own_address()
    if advertised is None:
        made.error("argument --advertise-address: needed, as this machine has no route to others")
    return ClusterSettings(
        cluster_name=given.cluster_name,
        advertise_address=advertised,
        api_port=port,
        pod_cidr=given.pod_cidr,
        service_cidr=given.service_cidr,
        node_cidr_mask_size=given.node_cidr_mask_size,
        cluster_domain=given.cluster_domain,
        proxy_mode=given.proxy_mode,
        ipvs_scheduler=given.ipvs_scheduler,
        lb_algorithm=given.lb_algorithm,
        underlay_mtu_bytes=given.underlay_mtu,
        server_url=given.server_url or f"https://127.0.0.1:{port}",
    )


def _first_port(listens: tuple[str, ...]) -> int:
    """The port of the first address that names one, 6443 when all are inherited sockets."""
    for address in listens:
        if not address.startswith("fd://"):
            return split_address(address)[1]
    return 6443


def _check_networks(made: argparse.ArgumentParser, given: argparse.Namespace) -> None:
    pods, services, mask = given.pod_cidr, given.service_cidr, given.node_cidr_mask_size
    if not pods.prefixlen <= mask <= pods.max_prefixlen - 2:
        made.error(
            f"argument --node-cidr-mask-size: {mask} does not divide --pod-cidr {pods}: "
            f"it must be from {pods.prefixlen} to {pods.max_prefixlen - 2}"
        )
    if services.num_addresses < 16:
        made.error(f"argument --service-cidr: {services} is smaller than a /28")
    if pods.version == services.version and pods.overlaps(services):
        made.error(f"argument --service-cidr: {services} overlaps --pod-cidr {pods}")
