"""What is decided where the parts are put together."""

from ipaddress import ip_address, ip_network

import pytest

from cloudlb.main import Surroundings, main, own_pool
from cloudlb.network.balancer import NetworkFrontend
from cloudlb.plan import Plan
from netcore.model.errors import ConfigError, DatapathError
from tests.unit.cloudlb.objects import ips, ranges

OWN = ips("172.18.0.5", "fd00::5")


def pool(*texts, own=OWN):
    networks = {network.version: network for network in map(ip_network, texts)}
    return own_pool(own, networks.get)


@pytest.mark.parametrize(
    ("network", "ranges_of_pool", "source"),
    [
        ("172.18.0.0/16", "172.18.0.5, 172.18.255.201-172.18.255.250", "172.18.255.200"),
        ("172.18.0.0/24", "172.18.0.5, 172.18.0.201-172.18.0.250", "172.18.0.200"),
        ("172.16.0.0/12", "172.18.0.5, 172.16.255.201-172.16.255.250", "172.16.255.200"),
    ],
)
def test_the_own_address_first_then_some_near_the_end(network, ranges_of_pool, source):
    made, sources = pool(network, own=OWN[:1])
    assert str(made) == ranges_of_pool
    assert sources == ips(source)
    assert sources[0] not in made


def test_both_families_have_a_source_of_their_own():
    made, sources = pool("172.18.0.0/16", "fd00::/64")
    assert str(made).endswith("fd00::5, fd00::ffc9-fd00::fffa")
    assert sources == ips("172.18.255.200", "fd00::ffc8")


@pytest.mark.parametrize("networks", [["172.18.0.0/25"], []])
def test_a_network_that_is_too_small_is_named(networks):
    with pytest.raises(ConfigError, match=r"--pool: the network of 172\.18\.0\.5 is too small"):
        pool(*networks, own=OWN[:1])


class FakeDevice:
    own = OWN

    def __init__(self):
        self.calls = []
        self.fails = False

    def have(self, wanted, is_ours):
        if self.fails:
            raise DatapathError("give addresses to", "eth0", "no")
        self.calls.append(("have", sorted(map(str, wanted))))

    def ignore(self, ports):
        self.calls.append(("ignore", sorted(ports)))

    def route(self, networks, gateways):
        self.calls.append(("route", tuple(networks), sorted(map(str, gateways))))


FRONTEND = NetworkFrontend(())
CIDRS = ranges("10.96.0.0/16", "fd00:96::/112")
APPLICATION = {(ip_address("172.18.255.1"), 80): lambda host, path: None}
NETWORK = {(OWN[0].packed, 6, 80): FRONTEND, (ip_address("172.18.255.2").packed, 6, 80): FRONTEND}


async def test_the_device_has_what_programs_listen_at():
    device = FakeDevice()
    place = Surroundings(device, pool("172.18.0.0/16", own=OWN[:1])[0], ips("172.18.255.200"))
    gateways = ips("172.18.0.11", "172.18.0.12", "fd00::11")
    plan = Plan(NETWORK, APPLICATION, gateways=gateways)
    await place.settle(plan, CIDRS)
    assert device.calls == [
        ("have", ["172.18.255.1", "172.18.255.200"]),
        ("ignore", [(OWN[0], 6, 80)]),
        ("route", CIDRS, ["172.18.0.11", "fd00::11"]),
    ]


async def test_what_is_settled_is_not_done_again_what_failed_is():
    device = FakeDevice()
    place = Surroundings(device, pool("172.18.0.0/16", own=OWN[:1])[0])
    plan = Plan(NETWORK, APPLICATION, gateways=ips("172.18.0.11", "fd00::11"))
    device.fails = True
    with pytest.raises(DatapathError):
        await place.settle(plan, CIDRS)
    device.fails = False
    await place.settle(plan, CIDRS)
    await place.settle(plan, CIDRS)
    assert len(device.calls) == 3
    await place.settle(Plan(NETWORK, APPLICATION, gateways=ips("172.18.0.11", "fd00::12")), CIDRS)
    assert device.calls[-1] == ("route", CIDRS, ["172.18.0.11", "fd00::12"])


def test_bad_surroundings_end_with_one_line(capsys):
    assert main(["--control-plane", "unix:/absent"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("cloudlb: --control-plane unix:/absent names no host")
