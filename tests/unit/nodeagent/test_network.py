import os
from collections.abc import Iterator

import pytest

from netcore.ipam.allocator import AddressAllocator
from netcore.model.address import parse_address, parse_network, text
from netcore.model.errors import AllocationError, DatapathError
from netcore.model.pod import NamedPort
from netcore.pipeline.snapshot import empty_snapshot
from nodeagent.agent import Agent
from nodeagent.datapath.fake.datapath import FakeDatapath
from nodeagent.edges.pod_device import PodLink
from nodeagent.network import LocalPodNetwork
from nodeagent.pods.interfaces import Manifest
from tests.support.cluster import CONFIG, node


class Devices:
    """Opens descriptors that lead nowhere and remembers for whom."""

    def __init__(self) -> None:
        self.links: list[tuple[str, PodLink]] = []
        self.descriptors: list[int] = []
        self.refusal: Exception | None = None

    def open(self, netns_path: str, link: PodLink) -> int:
        if self.refusal:
            raise self.refusal
        self.links.append((netns_path, link))
        self.descriptors.append(os.open("/dev/null", os.O_RDWR))
        return self.descriptors[-1]

    def is_open(self, descriptor: int) -> bool:
        try:
            os.fstat(descriptor)
        except OSError:
            return False
        return True


@pytest.fixture
def devices() -> Iterator[Devices]:
    made = Devices()
    yield made
    for descriptor in filter(made.is_open, made.descriptors):
        os.close(descriptor)


@pytest.fixture
def agent() -> Agent:
    start = empty_snapshot(CONFIG, node(1))
    return Agent(start, FakeDatapath(start), clock=lambda: 100.0)


def manifest(uid: str, **labels: str) -> Manifest:
    about = {"namespace": "default", "name": "web", "uid": uid, "labels": labels}
    containers = [{"name": "c", "ports": [{"name": "http", "containerPort": 8080}]}]
    return {"metadata": about, "spec": {"nodeName": "node1", "containers": containers}}


def allocators(*cidrs: str) -> tuple[AddressAllocator, ...]:
    return tuple(AddressAllocator(parse_network(cidr), "node1") for cidr in cidrs)


@pytest.fixture
def pools() -> tuple[AddressAllocator, ...]:
    return allocators("10.244.1.0/29", "fd00:10:244:1::/64")


@pytest.fixture
def network(agent: Agent, devices: Devices, pools) -> LocalPodNetwork:
    return LocalPodNetwork(agent, pools, devices.open)


async def test_a_pod_gets_an_address_of_each_family_and_a_device(network, agent, devices):
    ips = await network.attach(manifest("u1"), "/proc/1/ns/net")
    assert ips == ("10.244.1.2", "fd00:10:244:1::2")
    ((path, link),) = devices.links
    assert path == "/proc/1/ns/net"
    assert link == PodLink(
        b"\x0a\x58\x0a\xf4\x01\x02",
        1450,
        (parse_address("10.244.1.2"), parse_address("fd00:10:244:1::2")),
        (parse_address("10.244.1.1"), parse_address("fd00:10:244:1::1")),
    )
    port = agent.datapath.ports["u1"]
    assert (port.name, port.descriptor) == ("default/web", devices.descriptors[0])
    assert tuple(map(text, port.ips)) == ips
    assert agent.snapshot.pods["default", "web"].uid == "u1"


async def test_policies_see_its_labels_and_named_ports_at_once(network, agent):
    """Else a pod would not be isolated until the control plane had told its status back."""
    await network.attach(manifest("u1", app="iso"), "/ns")
    pod = agent.snapshot.pods["default", "web"]
    assert pod.labels == {"app": "iso"}
    assert pod.named_ports == (NamedPort("http", "TCP", 8080),)


async def test_a_detached_pods_addresses_come_back(network, agent, pools):
    await network.attach(manifest("u1"), "/ns")
    await network.detach("u1")
    await network.detach("u1")
    assert [len(pool) for pool in pools] == [0, 0]
    assert agent.ports() == ()
    assert (await network.attach(manifest("u2"), "/ns"))[0] == "10.244.1.3"


async def test_nothing_is_kept_when_no_address_is_free(agent, devices):
    wide, full = allocators("10.244.1.0/29", "10.244.9.0/30")
    full.allocate(0.0)
    network = LocalPodNetwork(agent, (wide, full), devices.open)
    with pytest.raises(AllocationError, match="has no free address"):
        await network.attach(manifest("u1"), "/ns")
    assert (len(wide), len(full)) == (0, 1)
    assert devices.links == []


async def test_nothing_is_kept_when_there_is_no_device(network, agent, devices, pools):
    devices.refusal = DatapathError("create TAP", "eth0", "Operation not permitted")
    with pytest.raises(DatapathError, match="create TAP eth0"):
        await network.attach(manifest("u1"), "/ns")
    assert [len(pool) for pool in pools] == [0, 0]
    assert agent.ports() == ()


async def test_the_device_is_closed_when_the_datapath_refuses(network, devices, pools):
    await network.attach(manifest("u1"), "/ns")
    with pytest.raises(DatapathError, match="already attached"):
        await network.attach(manifest("u1"), "/ns")
    assert [devices.is_open(each) for each in devices.descriptors] == [True, False]
    assert [len(pool) for pool in pools] == [1, 1]


async def test_a_family_without_gateway_has_no_route(agent, devices):
    network = LocalPodNetwork(agent, allocators("10.244.1.0/29"), devices.open)
    agent.snapshot = empty_snapshot(CONFIG, node(1, pod_cidrs=()))
    await network.attach(manifest("u1"), "/ns")
    assert devices.links[0][1].gateways == ()
