import pytest

from nodeagent.pods.resolv import ResolverConfig, parse_resolv_conf, pod_resolver
from tests.support.pods import pod_manifest

NODE = ResolverConfig(("192.0.2.53",), ("example.org",), ("edns0",))
CLUSTER_SEARCH = ("default.svc.cluster.local", "svc.cluster.local", "cluster.local", "example.org")


def resolver(**spec):
    return pod_resolver(pod_manifest(**spec), NODE, ["10.96.0.10"], "cluster.local")


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"dnsPolicy": "ClusterFirst"},
        {"dnsPolicy": "ClusterFirstWithHostNet", "hostNetwork": True},
    ],
)
def test_cluster_first(spec):
    assert resolver(**spec) == ResolverConfig(("10.96.0.10",), CLUSTER_SEARCH, ("ndots:5",))


@pytest.mark.parametrize("spec", [{"dnsPolicy": "Default"}, {"hostNetwork": True}])
def test_the_nodes_own(spec):
    assert resolver(**spec) == NODE


def test_none_with_dns_config():
    config = {
        "nameservers": ["1.1.1.1"],
        "searches": ["s"],
        "options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}],
    }
    expected = ResolverConfig(("1.1.1.1",), ("s",), ("ndots:2", "edns0"))
    assert resolver(dnsPolicy="None", dnsConfig=config) == expected


def test_dns_config_is_added_and_overrides_options():
    config = {
        "nameservers": ["10.96.0.10", "9.9.9.9"],
        "options": [{"name": "ndots", "value": "1"}],
    }
    found = resolver(dnsConfig=config)
    assert found.nameservers == ("10.96.0.10", "9.9.9.9")
    assert found.options == ("ndots:1",)


def test_an_option_without_a_name_is_left_out():
    found = resolver(dnsConfig={"options": [{"value": "2"}, {"name": "edns0", "value": None}]})
    assert found.options == ("ndots:5", "edns0")


def test_encode_and_parse_are_inverse_and_limited():
    config = ResolverConfig(("1.1.1.1", "2.2.2.2", "3.3.3.3", "4.4.4.4"), ("a", "b"), ("ndots:5",))
    assert config.encode() == (
        "search a b\nnameserver 1.1.1.1\nnameserver 2.2.2.2\nnameserver 3.3.3.3\noptions ndots:5\n"
    )
    assert parse_resolv_conf(config.encode()).searches == ("a", "b")


def test_parse_takes_the_last_search_and_ignores_the_rest():
    text = "# x\nsearch a\nsearch b .\nnameserver\nnameserver ::1 extra\nsortlist 1\n\n"
    assert parse_resolv_conf(text) == ResolverConfig(("::1",), ("b",), ())
