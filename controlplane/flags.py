"""The command line of the control plane."""

from __future__ import annotations

import argparse
import socket
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from controlplane.config import (
    DEFAULT_POD_CIDRS,
    DEFAULT_SERVICE_CIDRS,
    ClusterSettings,
    IPNetwork,
)
from controlplane.listening import split_address
from netcore.model.config import DEFAULT_PROXY_MODE
from netcore.model.errors import ConfigError
from netcore.policy.presets import DEFAULT_CNI, PRESETS, preset, with_choices
from netcore.service.modes.registry import LB_ALGORITHMS, PROXY_MODES
from netcore.service.schedulers import SCHEDULERS

if TYPE_CHECKING:
    from netcore.model.policy_settings import PolicySettings

DEFAULT_API_LISTEN = "127.0.0.1:6443"
DEFAULT_RPC_LISTEN = "0.0.0.0:7443"
_ELSEWHERE = {4: "198.51.100.1", 6: "2001:db8::1"}
"""Nobody's addresses, for documentation (RFC 5737, RFC 3849)."""
_LEAST = {4: 28, 6: 124}
"""Prefix lengths of the smallest service CIDRs, which have the DNS server's address."""


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


def _networks(text: str) -> tuple[IPNetwork, ...]:
    try:
        found = tuple(map(ip_network, text.split(",")))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if len(found) > 2 or len({network.version for network in found}) < len(found):
        raise argparse.ArgumentTypeError(
            f"{text}: give one CIDR, or one IPv4 and one IPv6 CIDR for dual stack"
        )
    return found


def _address(text: str) -> str:
    try:
        address = ip_address(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if address.is_loopback or address.is_unspecified or address.is_link_local:
        raise argparse.ArgumentTypeError(f"{address} is no address at which pods reach the API")
    return str(address)


def own_address(version: int = 4) -> str | None:
    """This machine's address towards other machines, None when it has no route. Sends nothing."""
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((_ELSEWHERE[version], 9))  # only the route is looked up
            return str(probe.getsockname()[0])
    except OSError:
        return None


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
    add(
        "--pod-cidr",
        type=_networks,
        default=DEFAULT_POD_CIDRS,
        metavar="CIDR[,CIDR]",
        help="one, or one of each IP family for dual stack, the primary family first",
    )
    add(
        "--service-cidr",
        type=_networks,
        default=DEFAULT_SERVICE_CIDRS,
        metavar="CIDR[,CIDR]",
        help="of the same families in the same order",
    )
    add("--node-cidr-mask-size", type=int, default=24, help="of a node's IPv4 pod CIDR [24]")
    add("--node-cidr-mask-size-ipv6", type=int, default=64, help="of its IPv6 pod CIDR [64]")
    add("--cluster-domain", default="cluster.local")
    add("--proxy-mode", default=DEFAULT_PROXY_MODE, choices=PROXY_MODES)
    add("--ipvs-scheduler", default="rr", choices=tuple(SCHEDULERS))
    add("--lb-algorithm", default="random", choices=LB_ALGORITHMS, help="of proxy mode ebpf")
    add("--cni", default=DEFAULT_CNI, choices=tuple(PRESETS), help="whose policies are like")
    add(
        "--policy",
        action="append",
        default=[],
        metavar="KEY=VALUE[,...]",
        help="a choice that the NetworkPolicy API leaves open, as established=keep; repeatable",
    )
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
    advertised = _advertised(made, given)
    return ClusterSettings(
        cluster_name=given.cluster_name,
        advertise_address=advertised,
        api_port=port,
        pod_cidrs=given.pod_cidr,
        service_cidrs=given.service_cidr,
        node_cidr_mask_size=given.node_cidr_mask_size,
        node_cidr_mask_size_ipv6=given.node_cidr_mask_size_ipv6,
        cluster_domain=given.cluster_domain,
        proxy_mode=given.proxy_mode,
        ipvs_scheduler=given.ipvs_scheduler,
        lb_algorithm=given.lb_algorithm,
        cni=given.cni,
        policy=_policy(made, given),
        underlay_mtu_bytes=given.underlay_mtu,
        server_url=given.server_url or f"https://127.0.0.1:{port}",
    )


def _policy(made: argparse.ArgumentParser, given: argparse.Namespace) -> PolicySettings:
    choices = (choice for each in given.policy for choice in each.split(",") if choice)
    try:
        return with_choices(preset(given.cni), choices)
    except ConfigError as error:
        made.error(f"argument --policy: {error}")


def _first_port(listens: tuple[str, ...]) -> int:
    """The port of the first address that names one, 6443 when all are inherited sockets."""
    for address in listens:
        if not address.startswith("fd://"):
            return split_address(address)[1]
    return 6443


def _advertised(made: argparse.ArgumentParser, given: argparse.Namespace) -> str:
    """The endpoint of the Service `kubernetes`, which has one address of the primary family."""
    version = given.service_cidr[0].version
    advertised: str | None = given.advertise_address or own_address(version)
    if advertised is None:
        made.error(
            "argument --advertise-address: needed, as this machine has no route to others "
            f"over IPv{version}"
        )
    if ip_address(advertised).version != version:
        made.error(
            f"argument --advertise-address: {advertised} is not of the primary family, which is "
            f"IPv{version} by --service-cidr"
        )
    return advertised


def _check_networks(made: argparse.ArgumentParser, given: argparse.Namespace) -> None:
    pods, services = given.pod_cidr, given.service_cidr
    if [cidr.version for cidr in pods] != [cidr.version for cidr in services]:
        made.error(
            f"argument --service-cidr: {_listed(services)} and --pod-cidr {_listed(pods)} must "
            "have the same IP families in the same order"
        )
    for cidr in pods:
        _check_mask(made, given, cidr)
    for cidr in services:
        if cidr.num_addresses < 16:
            made.error(f"argument --service-cidr: {cidr} is smaller than a /{_LEAST[cidr.version]}")
    for pod_cidr, service_cidr in zip(pods, services, strict=True):
        if pod_cidr.overlaps(service_cidr):
            made.error(f"argument --service-cidr: {service_cidr} overlaps --pod-cidr {pod_cidr}")


def _check_mask(made: argparse.ArgumentParser, given: argparse.Namespace, cidr: IPNetwork) -> None:
    suffix = "-ipv6" if cidr.version == 6 else ""
    mask = given.node_cidr_mask_size_ipv6 if suffix else given.node_cidr_mask_size
    if not cidr.prefixlen <= mask <= cidr.max_prefixlen - 2:
        made.error(
            f"argument --node-cidr-mask-size{suffix}: {mask} does not divide --pod-cidr {cidr}: "
            f"it must be from {cidr.prefixlen} to {cidr.max_prefixlen - 2}"
        )


def _listed(cidrs: tuple[IPNetwork, ...]) -> str:
    return ",".join(map(str, cidrs))
