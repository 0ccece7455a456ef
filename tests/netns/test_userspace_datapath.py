"""Real packets through two userspace datapaths: node1 with web-1 and client, node2 with web-2."""

import hashlib
import http.client
import json
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from netcore.model.address import packed, text
from netcore.model.config import MASQUERADE_PORTS
from netcore.model.endpoint import EndpointPort
from nodeagent.datapath.base import Observation, ObservationFilter
from nodeagent.edges.netns import run_in_netns
from tests.support import frames
from tests.support.cluster import (
    CLIENT,
    CLIENT_POD,
    CONFIG,
    WEB_PODS,
    batch,
    node,
    pod,
    service,
    slice_of,
    snapshot,
)
from tests.support.frames import PEER, POD
from tests.support.netns_server import digest
from tests.support.pods import eventually
from tests.support.topology import Namespace, Topology

pytestmark = pytest.mark.netns

ROOT = Path(__file__).parents[2]
BACKENDS = WEB_PODS[:2]
NODES = (node(1), node(2), node(3))
OUTSIDE = "172.18.0.100"
FOREIGN_POD = "10.244.3.2"
SERVICE, SERVICE6, EMPTY = "10.96.0.50", "fd00:10:96::50", "10.96.0.51"
BIG = 100_000_000


def picture(number: int):
    return snapshot(
        CONFIG,
        *NODES,
        *BACKENDS,
        CLIENT_POD,
        service("web", 50),
        slice_of("web", 4, BACKENDS),
        slice_of("web", 6, BACKENDS),
        service("empty", 51),
        on=f"node{number}",
    )


def server(namespace: Namespace, name: str):
    return namespace.running(
        *(sys.executable, "-m", "tests.support.netns_server", name, "8080", "5353"), ready="serving"
    )


@pytest.fixture(scope="module")
def net() -> Iterator[Topology]:
    with Topology() as topology:
        for number in (1, 2):
            topology.start_node(picture(number))
        outside = topology.plug("outside", f"{OUTSIDE}/16")
        topology.pods["outside"] = outside
        foreign = topology.start_foreign_node(node(3), NODES[:2], FOREIGN_POD)
        topology.pods["foreign"] = foreign
        for each in (*BACKENDS, CLIENT_POD):
            topology.start_pod(each)
        for name in ("web-1", "web-2", "client", "outside", "foreign"):
            topology._stack.enter_context(server(topology.pods[name], name))
        yield topology


@pytest.fixture
def client(net: Topology) -> Namespace:
    return net.pods["client"]


def ask(source: Namespace, address: str, port: int = 8080) -> str:
    """The answer to GET / as one client of that namespace sees it."""

    def get() -> str:
        connection = http.client.HTTPConnection(address, port, timeout=10)
        try:
            connection.request("GET", "/")
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    return run_in_netns(source.path, get)


def ask_udp(source: Namespace, address: str, port: int) -> str:
    """The answer to a datagram; ConnectionRefusedError for an ICMP port unreachable."""

    def query() -> str:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.settimeout(10)
            asking.connect((address, port))
            asking.send(b"who?")
            return asking.recv(1000).decode()

    return run_in_netns(source.path, query)


def ping(source: Namespace, address: str, *options: str) -> str:
    return source.run("ping", "-n", "-c", "1", "-W", "5", *options, address, check=False)


# Reachability.


@pytest.mark.parametrize(
    "target",
    [text(POD), text(PEER), "fd00:10:244:1::2", "fd00:10:244:2::3", "10.244.1.1", OUTSIDE],
)
def test_ping_reaches(client, target):
    assert " 0% packet loss" in ping(client, target)


@pytest.mark.parametrize(
    ("target", "answer"),
    [
        (text(POD), "web-1 10.244.1.3"),
        (text(PEER), "web-2 10.244.1.3"),
        ("fd00:10:244:1::2", "web-1 fd00:10:244:1::3"),
        ("fd00:10:244:2::3", "web-2 fd00:10:244:1::3"),
    ],
)
def test_http_from_pod_to_pod_keeps_the_source(client, target, answer):
    assert ask(client, target) == answer
    assert ask_udp(client, target, 5353) == answer


@pytest.mark.parametrize(("target", "name"), [(text(POD), "web-1"), (text(PEER), "web-2")])
def test_the_node_reaches_pods_as_its_gateway(net, target, name):
    assert ask(net.nodes["node1"].namespace, target) == f"{name} 10.244.1.1"


def test_what_leaves_the_cluster_comes_from_the_node(net, client):
    assert ask(client, OUTSIDE) == "outside 172.18.0.11"
    assert ask(net.pods["web-2"], OUTSIDE) == "outside 172.18.0.12"
    assert ask_udp(client, OUTSIDE, 5353) == "outside 172.18.0.11"


def test_nobody_at_an_address_is_said_at_once(client):
    assert "Destination Host Unreachable" in ping(client, "10.244.2.99")
    assert "Destination Host Unreachable" in ping(client, "10.244.77.1")


# Services.


@pytest.mark.parametrize("address", [SERVICE, SERVICE6])
def test_a_service_goes_round_robin_over_tcp_and_udp(client, address):
    asked = [ask(client, address, 80) for _ in range(6)]
    assert Counter(answer.split()[0] for answer in asked) == {"web-1": 3, "web-2": 3}
    asked = [ask_udp(client, address, 53) for _ in range(6)]
    assert Counter(answer.split()[0] for answer in asked) == {"web-1": 3, "web-2": 3}


def test_the_node_reaches_services(net):
    asked = [ask(net.nodes["node2"].namespace, SERVICE, 80) for _ in range(2)]
    assert sorted(asked) == ["web-1 10.244.2.1", "web-2 10.244.2.1"]


@pytest.mark.parametrize(("address", "port"), [(EMPTY, 80), (SERVICE, 81)])
def test_refused_at_once(net, client, address, port):
    for source in (client, net.nodes["node1"].namespace):
        with pytest.raises(ConnectionRefusedError):
            ask(source, address, port)
        with pytest.raises(ConnectionRefusedError):
            ask_udp(source, address, port)


def test_a_closed_udp_port_behind_a_service_is_refused_in_the_services_name(net, client):
    closed = slice_of("web", 4, BACKENDS[1:], ports=(EndpointPort("dns", "UDP", 9),))
    emulated = net.nodes["node1"]
    emulated.datapath.apply(emulated.snapshot.advance(batch(closed)))
    try:
        with pytest.raises(ConnectionRefusedError):
            ask_udp(client, SERVICE, 53)
    finally:
        emulated.datapath.apply(emulated.snapshot)


def test_hairpin(net):
    asked = [ask(net.pods["web-1"], SERVICE, 80) for _ in range(2)]
    assert sorted(asked) == ["web-1 10.244.1.1", "web-2 10.244.1.2"]


# Limits.


@pytest.fixture
def large_frames(client: Namespace) -> Iterator[None]:
    """The client's device takes more than the network carries."""
    client.run("ip", "link", "set", "eth0", "mtu", "2000")
    yield
    client.run("ip", "link", "set", "eth0", "mtu", "1450")
    client.run("ip", "route", "flush", "cache")


def test_1450_bytes_that_must_not_be_cut_pass(client):
    assert " 0% packet loss" in ping(client, text(PEER), "-M", "do", "-s", "1422")


@pytest.mark.usefixtures("large_frames")
@pytest.mark.parametrize("target", [PEER, POD])
def test_larger_ones_are_answered_with_the_mtu(client, target):
    assert "mtu = 1450" in ping(client, text(target), "-M", "do", "-s", "1423").replace("=1", "= 1")


@pytest.mark.usefixtures("large_frames")
@pytest.mark.parametrize("target", [PEER, POD])
def test_larger_ones_that_may_be_cut_arrive(client, target):
    assert " 0% packet loss" in ping(client, text(target), "-M", "dont", "-s", "1900")


def test_the_route_hop_by_hop(client):
    assert "From 10.244.1.1 icmp_seq=1 Time to live exceeded" in ping(client, text(PEER), "-t", "1")
    assert "From 10.244.2.1 icmp_seq=1 Time to live exceeded" in ping(client, text(PEER), "-t", "2")
    assert "ttl=62" in ping(client, text(PEER), "-t", "3")


@pytest.mark.parametrize("target", [text(POD), text(PEER), f"{SERVICE}:80"])
def test_a_large_download_arrives_whole(client, target):
    url = f"http://{target if ':' in target else target + ':8080'}/bytes/{BIG}"
    with subprocess.Popen(
        client.command("curl", "-s", "-S", "--max-time", "100", url), stdout=subprocess.PIPE
    ) as download:
        assert download.stdout is not None
        seen = hashlib.sha256()
        while block := download.stdout.read(1 << 20):
            seen.update(block)
    assert download.returncode == 0
    assert seen.hexdigest() == digest(BIG)


# Fragments: a datagram that no packet can carry.


@pytest.fixture
def whole(net: Topology) -> Iterator[None]:
    """Whoever is asked counts no fragment that went astray."""
    yield
    for emulated in net.nodes.values():
        assert emulated.stat("drop_ip_fragmentation_not_supported") == 0


def echo_udp(source: Namespace, address: str, port: int, size: int) -> str:
    """Who answered to a datagram of `size` bytes, once all of them have come back."""
    data = (b"%d " % size * size)[:size]

    def query() -> str:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.settimeout(10)
            asking.connect((address, port))
            asking.send(data)
            name, seen_as, echoed = asking.recv(65_536).split(b" ", 2)
            assert echoed == data
            return f"{name.decode()} {seen_as.decode()}"

    return run_in_netns(source.path, query)


SIZES = pytest.mark.parametrize("size", [2000, 8000, 60_000])


@SIZES
@pytest.mark.usefixtures("whole")
@pytest.mark.parametrize(
    ("address", "me"), [(SERVICE, text(CLIENT)), (SERVICE6, "fd00:10:244:1::3")]
)
def test_large_datagrams_through_a_service(client, address, me, size):
    answers = {echo_udp(client, address, 53, size) for _ in range(2)}
    assert answers == {f"web-1 {me}", f"web-2 {me}"}


@SIZES
@pytest.mark.usefixtures("whole")
def test_large_datagrams_out_of_the_cluster(client, size):
    for _ in range(2):
        assert echo_udp(client, OUTSIDE, 5353, size) == "outside 172.18.0.11"


@SIZES
@pytest.mark.usefixtures("whole")
def test_large_datagrams_of_a_pod_to_itself(net, size):
    answers = {echo_udp(net.pods["web-1"], SERVICE, 53, size) for _ in range(2)}
    assert answers == {"web-1 10.244.1.1", "web-2 10.244.1.2"}


@SIZES
@pytest.mark.usefixtures("whole")
def test_large_datagrams_of_the_node(net, size):
    """To a Service as the gateway; outside as itself, past the datapath, but the answer in it."""
    node1 = net.nodes["node1"].namespace
    answers = {echo_udp(node1, SERVICE, 53, size) for _ in range(2)}
    assert answers == {"web-1 10.244.1.1", "web-2 10.244.1.1"}
    assert echo_udp(node1, OUTSIDE, 5353, size) == "outside 172.18.0.11"


@SIZES
def test_large_datagrams_between_pods_and_from_a_linux_kernel(net, client, size):
    assert echo_udp(client, text(PEER), 5353, size) == "web-2 10.244.1.3"
    assert echo_udp(client, FOREIGN_POD, 5353, size) == "foreign 10.244.1.3"
    assert echo_udp(net.pods["foreign"], text(PEER), 5353, size) == f"web-2 {FOREIGN_POD}"


@pytest.mark.parametrize("target", [OUTSIDE, text(PEER)])
def test_large_pings(client, target):
    assert " 0% packet loss" in ping(client, target, "-s", "8000")


def test_no_fragment_leaves_the_cluster_with_a_pods_address(net, client, tmp_path):
    file = tmp_path / "outside.pcap"
    tcpdump = net.pods["outside"].running(
        *("tcpdump", "--immediate-mode", "-U", "-Z", "root", "-i", "eth0", "-w", str(file)),
        *("ip", "and", "dst", OUTSIDE),
        ready="listening on",
    )
    with tcpdump as process:
        for _ in range(5):
            echo_udp(client, OUTSIDE, 5353, 8000)
        process.terminate()
        process.wait(20)
    seen = subprocess.run(
        ["tshark", "-r", str(file), "-T", "fields", "-e", "ip.src", "-e", "ip.flags.mf"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")
    assert len([line for line in seen if line.endswith(("1", "True"))]) == 25
    assert {line.split("\t")[0] for line in seen if line} == {"172.18.0.11"}


def test_sctp_out_of_the_cluster_and_back(net, client):
    """Without an SCTP stack anywhere: what is sent is only seen by raw sockets."""

    def opened() -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_SCTP)
        made.settimeout(10)
        return made

    with (
        run_in_netns(client.path, opened) as asking,
        run_in_netns(net.pods["outside"].path, opened) as outside,
    ):
        asking.sendto(frames.sctp(sport=5000, dport=9999)[34:], (OUTSIDE, 0))
        question, (seen_as, _) = outside.recvfrom(2000)
        port = int.from_bytes(question[20:22], "big")
        assert (seen_as, port in MASQUERADE_PORTS) == ("172.18.0.11", True)
        assert frames.wrong_ipv4_checksums(question) == []
        outside.sendto(frames.sctp(sport=9999, dport=port)[34:], (seen_as, 0))
        answer = asking.recv(2000)
    assert frames.wrong_ipv4_checksums(answer) == []
    assert answer[12:16] == packed(OUTSIDE)
    assert answer[20:24] == (9999).to_bytes(2, "big") + (5000).to_bytes(2, "big")


# Trust and observation.


async def test_a_pod_that_spoofs_its_source_is_dropped_and_counted(net, client):
    emulated = net.nodes["node1"]
    before = emulated.stat("drop_invalid_source_ip")
    client.run("ip", "addr", "add", "10.9.9.9/32", "dev", "lo")

    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as forged:
            forged.bind(("10.9.9.9", 0))
            forged.sendto(b"boo", (text(PEER), 5353))

    try:
        run_in_netns(client.path, send)
        await eventually(lambda: emulated.stat("drop_invalid_source_ip") == before + 1)
    finally:
        client.run("ip", "addr", "del", "10.9.9.9/32", "dev", "lo")


async def test_every_packet_can_be_observed_on_both_nodes(net, client):
    seen: list[tuple[str, Observation]] = []
    observers = [
        emulated.datapath.observe(
            ObservationFilter(frozenset({CLIENT}), protocol=17),
            lambda observation, name=name: seen.append((name, observation)),
        )
        for name, emulated in net.nodes.items()
    ]
    try:
        ask_udp(client, text(PEER), 5353)
        await eventually(lambda: len(seen) >= 4)
    finally:
        for observer in observers:
            observer.close()
    seen.sort(key=lambda pair: pair[1].time_ns)
    assert [(name, type(each.verdict).__name__, each.ingress) for name, each in seen] == [
        ("node1", "Encap", "pod default/client"),
        ("node2", "Deliver", "tunnel 172.18.0.11"),
        ("node2", "Encap", "pod default/web-2"),
        ("node1", "Deliver", "tunnel 172.18.0.12"),
    ]


async def test_a_device_that_its_pod_deletes_costs_nothing(net):
    """A dead TAP is always readable; the packet thread must not spin on it."""
    doomed = pod("doomed", 1, 66)
    emulated = net.nodes["node1"]
    net.start_pod(doomed).run("ip", "link", "del", "eth0")
    thread = emulated.datapath._loop._thread
    stat = Path(f"/proc/self/task/{thread.native_id}/stat")

    def used_ticks() -> int:
        fields = stat.read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    before = used_ticks()
    assert " 0% packet loss" in ping(net.pods["client"], text(PEER), "-c", "4", "-i", "0.2")
    assert used_ticks() - before < 20, "the packet thread spins: 20 ticks are 0.2 s of 0.6 s"
    emulated.datapath.detach(doomed.uid)


# On the wire.


@pytest.fixture
def decode(net: Topology, tmp_path: Path) -> Callable[[Callable[[], object], int], list[dict]]:
    """tshark's view of the first `count` packets of node1's tunnel while `action` runs."""

    def capture(action: Callable[[], object], count: int) -> list[dict]:
        file = tmp_path / "underlay.pcap"
        tcpdump = net.nodes["node1"].namespace.running(
            *("tcpdump", "--immediate-mode", "-U", "-Z", "root", "-i", "eth0", "-w", str(file)),
            *("-c", str(count), "udp", "port", "4789"),
            ready="listening on",
        )
        with tcpdump as process:
            action()
            process.wait(20)
        checks = (f"-o{name}.check_checksum:TRUE" for name in ("ip", "tcp", "udp"))
        done = subprocess.run(
            ["tshark", "-r", str(file), *checks, "-T", "json", "--no-duplicate-keys"],
            capture_output=True,
            text=True,
            check=True,
        )
        return [packet["_source"]["layers"] for packet in json.loads(done.stdout)]

    return capture


def both(layer: object) -> list[dict]:
    """Outer and inner of a layer that stands twice in a frame."""
    return layer if isinstance(layer, list) else [layer]


def test_tshark_reads_standard_vxlan(client, decode):
    def connections() -> None:
        for _ in range(8):
            ask(client, text(PEER))

    packets = decode(connections, 60)
    assert len(packets) == 60
    for layers in packets:
        assert layers["vxlan"]["vxlan.vni"] == "1"
        assert layers["vxlan"]["vxlan.flags_tree"]["vxlan.flag_i"] in ("1", True)
        assert layers["udp"]["udp.dstport"] == "4789"
        outer, inner = both(layers["ip"])
        assert {outer["ip.src"], outer["ip.dst"]} == {"172.18.0.11", "172.18.0.12"}
        assert {inner["ip.src"], inner["ip.dst"]} == {text(CLIENT), text(PEER)}
        assert inner["ip.checksum.status"] == "1", "1: good"
        assert layers["tcp"]["tcp.checksum.status"] == "1", "1: good"
        ethernet = both(layers["eth"])[1]
        assert {ethernet["eth.src"], ethernet["eth.dst"]} == {
            "0a:58:ac:12:00:0b",
            "0a:58:ac:12:00:0c",
        }
        assert int(outer["ip.len"]) <= 1500
    ports_of: dict[str, set[str]] = {}
    for layers in packets:
        if both(layers["ip"])[0]["ip.src"] == "172.18.0.11":
            flow = layers["tcp"]["tcp.srcport"]
            ports_of.setdefault(flow, set()).add(layers["udp"]["udp.srcport"])
    assert all(len(ports) == 1 for ports in ports_of.values()), "one flow keeps one port"
    assert len(set.union(*ports_of.values())) > 1, "flows differ in their outer source port"


# A node that is none of ours.


def test_a_linux_kernel_is_a_good_neighbour(net, client):
    foreign = net.pods["foreign"]
    assert " 0% packet loss" in ping(client, FOREIGN_POD)
    assert " 0% packet loss" in ping(foreign, text(CLIENT))
    assert " 0% packet loss" in ping(client, FOREIGN_POD, "-M", "do", "-s", "1422")
    assert ask(client, FOREIGN_POD) == "foreign 10.244.1.3"
    assert ask(foreign, text(PEER)) == f"web-2 {FOREIGN_POD}"
    assert ask_udp(client, FOREIGN_POD, 5353) == "foreign 10.244.1.3"


def test_a_download_from_a_linux_kernel(client):
    count = 5_000_000
    url = f"http://{FOREIGN_POD}:8080/bytes/{count}"
    done = subprocess.run(
        client.command("curl", "-s", "-S", "--max-time", "60", url), capture_output=True, check=True
    )
    assert hashlib.sha256(done.stdout).hexdigest() == digest(count)
