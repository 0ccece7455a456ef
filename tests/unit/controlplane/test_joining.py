"""Which Node an applicant becomes."""

import pytest

from controlplane.rpc import joining
from controlplane.rpc.joining import Applicant, NameTaken, choose_node
from netcore.model.errors import ConfigError


def applicant(instance="me", name="", address="172.18.0.11"):
    return Applicant(name, instance, (address,), 7444)


def known(name, instance, address):
    return {
        "metadata": {"name": name, "annotations": {joining.INSTANCE_ANNOTATION: instance}},
        "status": {"addresses": [{"type": "InternalIP", "address": address}]},
    }


def choose(who, *nodes, alive=()):
    name, node = choose_node(who, nodes, "c", lambda name: name in alive)
    return name, node is not None


def test_first_free_name():
    assert choose(applicant()) == ("c-worker", False)
    taken = [known("c-worker", "a", "1.1.1.1"), known("c-worker3", "b", "1.1.1.2")]
    assert choose(applicant(), *taken) == ("c-worker2", False)


def test_an_instance_keeps_its_node_even_at_another_address():
    mine = known("c-worker7", "me", "172.18.0.99")
    assert choose(applicant(), mine, alive=["c-worker7"]) == ("c-worker7", True)


def test_a_dead_nodes_address_brings_its_node():
    dead = known("old", "other", "172.18.0.11")
    assert choose(applicant(), dead) == ("old", True)


def test_a_live_nodes_address_is_refused():
    live = known("old", "other", "172.18.0.11")
    with pytest.raises(ConfigError, match=r"172\.18\.0\.11 is in use by node old"):
        choose(applicant(), live, alive=["old"])


def test_a_wanted_name():
    assert choose(applicant(name="n")) == ("n", False)
    mine = known("n", "me", "172.18.0.11")
    assert choose(applicant(name="n"), mine, alive=["n"]) == ("n", True)
    other = known("n", "other", "1.1.1.1")
    assert choose(applicant(name="n"), other) == ("n", True)
    with pytest.raises(NameTaken, match="node name n is taken"):
        choose(applicant(name="n"), other, alive=["n"])


def test_a_node_made_by_hand_can_be_taken_up():
    by_hand = {"metadata": {"name": "n"}}
    assert choose(applicant(name="n"), by_hand, alive=["n"]) == ("n", True)


def test_taints():
    assert joining.check_taints(["a=b:NoSchedule", "c:NoExecute"]) == (
        {"key": "a", "value": "b", "effect": "NoSchedule"},
        {"key": "c", "effect": "NoExecute"},
    )
    for text in ("a", "a=b", "a:Never", ":NoSchedule"):
        with pytest.raises(ConfigError, match="taints"):
            joining.check_taints([text])


def test_a_nodes_addresses_are_those_of_the_clusters_families():
    both = ("172.18.0.11", "fc00::b")
    assert joining.of_versions(both, (4,)) == ("172.18.0.11",)
    assert joining.of_versions(both, (6, 4)) == ("fc00::b", "172.18.0.11")
    assert joining.of_versions(both[:1], (6, 4)) == ("172.18.0.11",)


def test_a_node_needs_an_address_of_each_family():
    joining.check_complete(("172.18.0.11", "fc00::b"), (6, 4))
    with pytest.raises(ConfigError, match="none is an IPv6 address") as caught:
        joining.check_complete(("172.18.0.11",), (4, 6))
    assert "--underlay-address" in str(caught.value)


def test_ipv6_agents_are_written_in_brackets():
    made = joining.annotations_of(applicant(address="fd00::1"))
    assert made[joining.ADDRESS_ANNOTATION] == "[fd00::1]:7444"
