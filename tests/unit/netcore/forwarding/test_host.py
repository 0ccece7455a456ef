from netcore.forwarding.host import host_plan
from netcore.model.address import packed, parse_address
from netcore.model.host_plan import HostPlan
from netcore.service.frontend import ANY_NODE
from tests.support.cluster import service


def addresses(*texts):
    return tuple(map(parse_address, texts))


def test_the_plan_has_the_external_addresses_of_all_services_once():
    plan = host_plan(
        [
            service("a", 1, external_ips=addresses("192.0.2.1", "2001:db8::1")),
            service("b", 2, load_balancer_ips=addresses("192.0.2.9", "192.0.2.1")),
        ],
        (),
    )
    assert plan == HostPlan(frozenset(addresses("192.0.2.1", "2001:db8::1", "192.0.2.9")))


def test_cluster_ips_are_in_a_range_and_need_no_plan():
    assert host_plan([service("a", 1), service("h", 2, headless=True)], ()) == HostPlan()
    assert host_plan([], ()) == HostPlan(frozenset())


def test_host_ports_of_every_address_have_none_and_others_their_own():
    ports = [(ANY_NODE[4], 6, 8080), (packed("127.0.0.1"), 17, 53), (packed("fd00::1"), 6, 80)]
    wanted = {
        (None, 6, 8080),
        (parse_address("127.0.0.1"), 17, 53),
        (parse_address("fd00::1"), 6, 80),
    }
    assert host_plan([], ports) == HostPlan(ports=frozenset(wanted))
