import pytest

from coredns_emu.plugins.forward.upstreams import Upstream, parse_resolv_conf, without_self
from netcore.model.address import parse_address


def test_parse_resolv_conf():
    text = """
    # made by hand
    search example.com
    nameserver 192.0.2.53   # the first
    nameserver 2001:db8::53
    nameserver fe80::1%eth0
    nameserver 192.0.2.53
    nameserver nonsense
    nameserver
    options ndots:5
    """
    hosts = [upstream.host for upstream in parse_resolv_conf(text)]
    assert hosts == ["192.0.2.53", "2001:db8::53", "fe80::1%eth0"]


def test_at_most_15():
    text = "\n".join(f"nameserver 192.0.2.{i}" for i in range(1, 30))
    assert len(parse_resolv_conf(text)) == 15


def test_text():
    assert str(Upstream("192.0.2.53")) == "192.0.2.53:53"
    assert str(Upstream("fd00::1")) == "[fd00::1]:53"


@pytest.mark.parametrize(
    ("listening", "upstream", "kept"),
    [
        (("172.18.0.3", 53), "172.18.0.3", False),
        (("172.18.0.3", 5353), "172.18.0.3", True),
        (("0.0.0.0", 53), "127.0.0.53", False),
        (("0.0.0.0", 53), "192.0.2.53", True),
        (("127.0.0.1", 53), "127.0.0.53", True),
    ],
)
def test_without_self(listening, upstream, kept):
    own = [(parse_address(listening[0]), listening[1])]
    assert bool(without_self([Upstream(upstream)], own)) is kept
