"""Nodes and pods of real namespaces around real datapaths, without a control plane.

Namespaces are anonymous: a child process holds each one and ends when its standard input does,
so nothing outlives the test process, however that ends. The datapaths run in the test process
itself, on descriptors that were opened inside the namespaces.
"""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from netcore.model.address import format_mac
from netcore.model.config import MASQUERADE_PORTS, NODE_PORTS
from netcore.model.host_plan import HostPlan
from netcore.model.node import Node
from netcore.model.pod import Pod
from netcore.pipeline.snapshot import Snapshot
from nodeagent.datapath.base import PodPort
from nodeagent.datapath.userspace.datapath import UserspaceDatapath
from nodeagent.edges.host_endpoint import HOST_DEVICE, HostEndpoint, HostLink
from nodeagent.edges.icmpv6_socket import Icmpv6Socket
from nodeagent.edges.netns import run_in_netns
from nodeagent.edges.pod_device import PodLink, open_pod_device
from nodeagent.edges.sysctl import HOST_SETTINGS, IPV6_HOST_SETTINGS, ensure
from nodeagent.edges.tap import open_tap
from nodeagent.edges.vxlan_socket import VxlanSocket

_HOLD = "ip link set lo up && echo ready && exec cat"


class Namespace:
    """A network namespace that lives until `close`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", _HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == b"ready\n", f"namespace {name} did not start"

    @property
    def path(self) -> str:
        return f"/proc/{self._holder.pid}/ns/net"

    def command(self, *args: str) -> list[str]:
        return ["nsenter", f"--net={self.path}", "--", *args]

    def run(self, *args: str, check: bool = True) -> str:
        """What a command prints inside. Fails with its output unless `check` is False."""
        done = subprocess.run(
            self.command(*args),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=60,
        )
        assert not check or done.returncode == 0, f"{self.name}: {' '.join(args)}\n{done.stdout}"
        return done.stdout

    @contextlib.contextmanager
    def running(self, *args: str, ready: str) -> Iterator[subprocess.Popen[str]]:
        """A command that stays, once it has printed a line that contains `ready`."""
        with subprocess.Popen(
            self.command(*args),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            try:
                assert process.stdout is not None
                seen = []
                for line in process.stdout:
                    seen.append(line)
                    if ready in line:
                        break
                else:
                    raise AssertionError(f"{self.name}: {' '.join(args)}\n{''.join(seen)}")
                yield process
            finally:
                process.terminate()

    def close(self) -> None:
        assert self._holder.stdin is not None
        assert self._holder.stdout is not None
        self._holder.stdin.close()
        self._holder.wait(10)
        self._holder.stdout.close()


@dataclass
class EmulatedNode:
    """A node's namespace and the datapath that serves it."""

    namespace: Namespace
    datapath: UserspaceDatapath
    snapshot: Snapshot

    def stat(self, name: str) -> int:
        return self.datapath.stats().get(name, 0)


@dataclass
class Topology(AbstractContextManager["Topology"]):
    """An underlay (a bridge) with whoever is plugged into it. Everything goes on exit."""

    pods: dict[str, Namespace] = field(default_factory=dict)
    nodes: dict[str, EmulatedNode] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        self._stack.__enter__()
        self._interval = sys.getswitchinterval()
        sys.setswitchinterval(0.0005)  # as the agent does: packet threads must get their turn
        self._stack.callback(sys.setswitchinterval, self._interval)
        self.underlay = self.namespace("underlay")
        self.underlay.run("ip", "link", "add", "br0", "type", "bridge")
        self.underlay.run("ip", "link", "set", "br0", "up")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def namespace(self, name: str) -> Namespace:
        made = Namespace(name)
        self._stack.callback(made.close)
        return made

    def plug(self, name: str, address: str) -> Namespace:
        """A machine on the underlay, with eth0 and this address (with prefix length)."""
        machine = self.namespace(name)
        port = f"v{len(self.underlay.run('ip', '-br', 'link').splitlines())}"
        peer = machine.path.split("/")[2]
        self.underlay.run(
            *("ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", peer)
        )
        self.underlay.run("ip", "link", "set", port, "master", "br0", "up")
        machine.run("ip", "addr", "add", address, "dev", "eth0")
        machine.run("ip", "link", "set", "eth0", "up")
        return machine

    def start_node(self, snapshot: Snapshot, **surroundings: Any) -> EmulatedNode:
        """The node that `snapshot` is seen from, with its datapath and host endpoint.

        `surroundings`: the clock and random_below of its datapath.
        """
        node = snapshot.nodes[snapshot.node_name]
        machine = self.plug(node.name, f"{node.underlay_addresses[0]}/16")
        for address in node.underlay_addresses[1:]:
            machine.run("ip", "addr", "add", f"{address}/64", "dev", "eth0", "nodad")
        opened = run_in_netns(machine.path, lambda: _open_host(snapshot, node))
        tunnel, tap, host, icmpv6 = opened

        def lead_in(plan: HostPlan) -> None:
            run_in_netns(machine.path, lambda: host.apply(plan))

        datapath = UserspaceDatapath(
            snapshot, tunnel, tap, node.vtep_mac, lead_in, icmpv6, **surroundings
        )
        self._stack.callback(datapath.close)
        made = self.nodes[node.name] = EmulatedNode(machine, datapath, snapshot)
        return made

    def start_pod(self, pod: Pod) -> Namespace:
        """A pod with eth0, attached to its node's datapath."""
        node = self.nodes[pod.node_name]
        namespace = self.namespace(pod.name)
        ips = tuple(ip.packed for ip in pod.ips)
        cidrs = node.snapshot.nodes[pod.node_name].pod_cidrs
        mac = b"\x0a\x58" + ips[0][-4:]
        link = PodLink(
            mac, node.snapshot.config.pod_mtu_bytes, pod.ips, tuple(cidr[1] for cidr in cidrs)
        )
        descriptor = open_pod_device(namespace.path, link)
        node.datapath.attach(PodPort(pod.uid, f"default/{pod.name}", descriptor, mac, ips))
        self.pods[pod.name] = namespace
        return namespace

    def start_foreign_node(self, node: Node, peers: tuple[Node, ...], pod_ip: str) -> Namespace:
        """A node that is only a Linux kernel with a vxlan device, set up as flannel does it.

        Its one pod is the machine itself under `pod_ip`.
        """
        machine = self.plug(node.name, f"{node.underlay_addresses[0]}/16")
        local = str(node.underlay_addresses[0])
        machine.run(
            *("ip", "link", "add", "vxlan1", "type", "vxlan", "id", "1", "dstport", "4789"),
            *("local", local, "dev", "eth0", "nolearning"),
        )
        machine.run("ip", "link", "set", "vxlan1", "address", format_mac(node.vtep_mac))
        machine.run("ip", "link", "set", "vxlan1", "mtu", "1450", "up")
        # What a wire would do: veth leaves the checksums inside the tunnel to nobody.
        _disable_offloads(machine)
        machine.run("ip", "addr", "add", f"{pod_ip}/32", "dev", "vxlan1")
        for peer in peers:
            network, mac = str(peer.pod_cidrs[0]), format_mac(peer.vtep_mac)
            vtep = str(peer.pod_cidrs[0].network_address)
            remote = str(peer.underlay_addresses[0])
            machine.run("bridge", "fdb", "append", mac, "dev", "vxlan1", "dst", remote)
            machine.run(
                *("ip", "neigh", "replace", vtep, "lladdr", mac),
                *("dev", "vxlan1", "nud", "permanent"),
            )
            machine.run("ip", "route", "replace", network, "via", vtep, "dev", "vxlan1", "onlink")
        return machine


def _disable_offloads(machine: Namespace) -> None:
    machine.run("ethtool", "-K", "eth0", "tx", "off")


def _open_host(
    snapshot: Snapshot, node: Node
) -> tuple[VxlanSocket, int, HostEndpoint, Icmpv6Socket | None]:
    """As nodeagent.datapath.userspace.opening does it, in the node's namespace."""
    ensure(HOST_SETTINGS | IPV6_HOST_SETTINGS)
    config, underlay = snapshot.config, node.underlay_addresses[0]
    tunnel = VxlanSocket(underlay, config.vxlan_port)
    tap = open_tap(HOST_DEVICE)
    host = HostEndpoint(
        HostLink(
            node.vtep_mac,
            config.pod_mtu_bytes,
            tuple(cidr[1] for cidr in node.pod_cidrs),
            config.pod_cidrs + config.service_cidrs,
            node.underlay_addresses,
            MASQUERADE_PORTS,
            NODE_PORTS,
        )
    )
    six = next((each for each in node.underlay_addresses if each.version == 6), None)
    return tunnel, tap, host, Icmpv6Socket("eth0", six) if six else None
