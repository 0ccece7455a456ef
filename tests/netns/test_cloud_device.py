"""The load balancers' device: addresses, silent ports and routes in a real namespace."""

import http.server
import threading
from ipaddress import ip_address, ip_network

import pytest

from cloudlb.edges.device import Device
from cloudlb.edges.frame_socket import HEADER_BYTES, MAX_BYTES, FrameSocket
from cloudlb.pool import parse_pool
from nodeagent.edges.netns import run_in_netns
from tests.support.topology import Topology

pytestmark = pytest.mark.netns

OWN, OTHER = ip_address("172.18.0.4"), ip_address("172.18.0.11")
POOL = parse_pool("172.18.0.4,172.18.255.200-172.18.255.250,fd00::c8-fd00::fa")
VIP, VIP6 = ip_address("172.18.255.201"), ip_address("fd00::c9")
_TCP = 6


@pytest.fixture(scope="module")
def net():
    with Topology() as topology:
        topology.pods["cloud"] = topology.plug("cloud", f"{OWN}/16")
        topology.pods["other"] = topology.plug("other", f"{OTHER}/16")
        cloud = topology.pods["cloud"]
        cloud.run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=0")
        cloud.run("ip", "addr", "add", "fd00::4/64", "dev", "eth0", "nodad")
        cloud.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        yield topology


@pytest.fixture
def cloud(net):
    return net.pods["cloud"]


def on_device(cloud, action):
    return run_in_netns(cloud.path, lambda: action(Device(OWN)))


def test_it_knows_itself_and_forwards_nothing(cloud):
    own, network = on_device(cloud, lambda device: (device.own, device.network(4)))
    assert own == (OWN, ip_address("fd00::4"))
    assert network == ip_network("172.18.0.0/16")
    assert cloud.run("sysctl", "-n", "net.ipv4.ip_forward").strip() == "0"


def test_addresses_come_and_go_but_not_its_own(cloud):
    on_device(cloud, lambda device: device.have({VIP, VIP6}, POOL.__contains__))
    shown = cloud.run("ip", "addr", "show", "dev", "eth0")
    assert f"inet {VIP}/32" in shown
    (found,) = [line for line in shown.splitlines() if f"inet6 {VIP6}/128" in line]
    assert {"global", "deprecated", "nodad"} <= set(found.split())
    on_device(cloud, lambda device: device.have((), POOL.__contains__))
    shown = cloud.run("ip", "addr", "show", "dev", "eth0")
    assert str(VIP) not in shown
    assert str(VIP6) not in shown
    assert f"inet {OWN}/16" in shown


def test_the_kernel_is_silent_at_ports_that_are_passed_on(net, cloud):
    def serve():
        server = http.server.HTTPServer((str(OWN), 80), http.server.SimpleHTTPRequestHandler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def visit():
        curl = ("curl", "-s", "-o", "/dev/null", "--connect-timeout", "1", f"http://{OWN}/")
        return net.pods["other"].run(*curl, "-w", "%{http_code}", check=False)

    server = run_in_netns(cloud.path, serve)
    try:
        assert visit() == "200"
        on_device(cloud, lambda device: device.ignore([(OWN, _TCP, 80)]))
        assert visit() == "000"
        on_device(cloud, lambda device: device.ignore([(OWN, _TCP, 81)]))
        assert visit() == "200"
        on_device(cloud, lambda device: device.ignore([]))
        assert "blackhole" not in cloud.run("ip", "rule")
    finally:
        server.shutdown()
        server.server_close()


def test_a_route_follows_its_gateway(cloud):
    services = ip_network("10.96.0.0/16")
    on_device(cloud, lambda device: device.route([services], [OTHER]))
    assert f"10.96.0.0/16 via {OTHER}" in cloud.run("ip", "route")
    on_device(cloud, lambda device: device.route([services], []))
    assert "10.96.0.0/16" not in cloud.run("ip", "route")


def test_frames_are_read_with_their_offload_header_and_written(net, cloud):
    def ask():
        frames = FrameSocket("eth0")
        buffer = memoryview(bytearray(MAX_BYTES))
        try:
            net.pods["other"].run("ping", "-c", "1", "-W", "2", str(OWN))
            while size := frames.read_into(buffer):
                frame = buffer[HEADER_BYTES:size]
                if frame[12:14] == b"\x08\x00" and frame[23] == 1:
                    return bytes(frame[:6]) == frames.mac, frames.write(buffer[:size])
        finally:
            frames.close()

    assert run_in_netns(cloud.path, ask) == (True, True)
