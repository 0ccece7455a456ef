"""The agent's command line."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from netcore.model.address import IpAddress, parse_address
from netcore.model.errors import ConfigError

AUTO = "auto"
DEFAULT_FLOW_CAPACITY = 4095
"""As Hubble's event buffer."""
MAX_FLOW_CAPACITY = 1 << 20


@dataclass(frozen=True, slots=True)
class Flags:
    """What the agent was started with. `underlay_address` may be `auto`, or two addresses."""

    control_plane: str
    underlay_address: str
    rpc_listen: str
    state_dir: Path
    node_name: str
    node_labels: dict[str, str]
    node_taints: tuple[str, ...]
    instance_id: str
    resolv_conf: Path
    datapath: str
    metrics_listen: tuple[tuple[str, int], ...] = ()
    flow_buffer: int = DEFAULT_FLOW_CAPACITY
    flow_payloads: bool = False


def parse_flags(arguments: list[str]) -> Flags:
    """Raises ConfigError for values that cannot be; argparse itself exits 2 for unknown flags."""
    parser = argparse.ArgumentParser(
        prog="nodeagent", description="Runs the pods of one kubehop node and moves their packets."
    )
    parser.add_argument("--control-plane", required=True, metavar="HOST:PORT")
    parser.add_argument(
        "--underlay-address",
        default=AUTO,
        metavar="IP[,IP]",
        help="one, or one of each IP family that the cluster has  [auto]",
    )
    parser.add_argument(
        "--rpc-listen", default="", metavar="IP:PORT", help="default: the underlay address:7444"
    )
    parser.add_argument(
        "--metrics-listen",
        action="append",
        default=[],
        metavar="IP:PORT",
        help="default: port 10249 of 127.0.0.1 and of the underlay addresses",
    )
    parser.add_argument("--state-dir", type=Path, required=True, metavar="DIR")
    parser.add_argument("--node-name", default="", help="default: the control plane chooses")
    parser.add_argument("--node-label", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--node-taint", action="append", default=[], metavar="KEY=VALUE:EFFECT")
    parser.add_argument("--instance-id", default="", help="default: the host name")
    parser.add_argument("--resolv-conf", type=Path, default=Path("/etc/resolv.conf"))
    parser.add_argument("--datapath", default="userspace")
    parser.add_argument(
        "--flow-buffer",
        type=int,
        default=DEFAULT_FLOW_CAPACITY,
        metavar="N",
        help=f"flow events that are kept  [{DEFAULT_FLOW_CAPACITY}]",
    )
    parser.add_argument(
        "--flow-payloads",
        action="store_true",
        help="keep DNS and HTTP flows also when nobody asks for them; slows every packet",
    )
    found = parser.parse_args(arguments)
    if found.underlay_address != AUTO:
        parse_underlay(found.underlay_address)
    if ":" not in found.control_plane:
        raise ConfigError(f"--control-plane {found.control_plane!r}: must be HOST:PORT")
    if found.underlay_address == AUTO and found.control_plane.startswith("unix:"):
        raise ConfigError("--underlay-address auto needs a --control-plane HOST:PORT to look at")
    if not 1 <= found.flow_buffer <= MAX_FLOW_CAPACITY:
        raise ConfigError(f"--flow-buffer {found.flow_buffer}: must be 1 to {MAX_FLOW_CAPACITY}")
    return Flags(
        control_plane=found.control_plane,
        underlay_address=found.underlay_address,
        rpc_listen=found.rpc_listen,
        state_dir=found.state_dir,
        node_name=found.node_name,
        node_labels=dict(_label(text) for text in found.node_label),
        node_taints=tuple(found.node_taint),
        instance_id=found.instance_id,
        resolv_conf=found.resolv_conf,
        datapath=found.datapath,
        metrics_listen=tuple(map(_listen, found.metrics_listen)),
        flow_buffer=found.flow_buffer,
        flow_payloads=found.flow_payloads,
    )


def parse_underlay(text: str) -> tuple[IpAddress, ...]:
    """One address, or one of each family. Raises ConfigError."""
    found = tuple(map(parse_address, text.split(",")))
    if len({address.version for address in found}) < len(found):
        raise ConfigError(
            f"--underlay-address {text}: give one address, or one IPv4 and one IPv6 address"
        )
    return found


def _listen(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not port.isascii() or not port.isdecimal() or int(port) > 65535:
        raise ConfigError(f"--metrics-listen {text!r}: must be IP:PORT")
    return str(parse_address(host.removeprefix("[").removesuffix("]"))), int(port)


def _label(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise ConfigError(f"--node-label {text!r}: must be KEY=VALUE")
    return key, value
