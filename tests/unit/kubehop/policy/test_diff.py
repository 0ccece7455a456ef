"""What two sets of policies allow differently."""

from kubehop.policy.diff import differences
from kubehop.policy.world import read_world, with_network_policies
from tests.unit.kubehop.policy.clusters import FakeApi, namespace, node, pod, policy

OPEN = policy(ingress=[{"ports": [{"port": 80, "endPort": 90}]}])
NARROW = policy(ingress=[{"ports": [{"port": 80, "endPort": 85}]}])


def changes(before, after):
    world = read_world(
        FakeApi(
            pods=[pod("web", "10.244.1.2", app="web"), pod("a", "10.244.1.3")],
            namespaces=[namespace("default")],
            nodes=[node("n1", "172.18.0.11")],
            networkpolicies=[policy("present")],
        )
    )
    pair = (with_network_policies(world, found) for found in (before, after))
    return [str(each) for each in differences(*pair)]


def test_the_same_sets_do_not_differ():
    assert changes([OPEN], [policy("other", **OPEN["spec"])]) == []


def test_a_range_that_became_smaller():
    assert changes([OPEN], [NARROW]) == [
        "default/a -> default/web TCP 86: allowed -> DENIED",
        "default/a -> default/web TCP 90: allowed -> DENIED",
        "an address outside -> default/web TCP 86: allowed -> DENIED",
        "an address outside -> default/web TCP 90: allowed -> DENIED",
    ]


def test_isolation_that_goes():
    found = changes([policy(policyTypes=["Egress"])], [])
    assert found == [
        "default/web -> default/a ICMP: denied -> ALLOWED",
        "default/web -> an address outside ICMP: denied -> ALLOWED",
    ]
