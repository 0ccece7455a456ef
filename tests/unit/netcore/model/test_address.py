import pytest

from netcore.model.address import (
    authority,
    format_mac,
    packed,
    parse_address,
    parse_mac,
    parse_network,
    text,
)
from netcore.model.errors import ConfigError


def test_addresses_in_both_forms():
    assert packed("10.244.1.2") == b"\x0a\xf4\x01\x02"
    assert text(packed("10.244.1.2")) == "10.244.1.2"
    assert text(packed("fd00:0:0:0::2")) == "fd00::2"
    assert str(parse_address("fd00::2")) == "fd00::2"


@pytest.mark.parametrize("value", ["", "10.244.1", "10.244.1.2/24", "web.default", "fd00::zz"])
def test_what_is_no_address_is_named(value):
    with pytest.raises(ConfigError, match="is not an IP address") as caught:
        packed(value)
    assert repr(value) in str(caught.value)


def test_networks():
    assert parse_network("10.244.0.0/16").prefixlen == 16
    for value in ("10.244.0.1/16", "10.244.0.0/33", "pods"):
        with pytest.raises(ConfigError, match="is not a CIDR"):
            parse_network(value)


def test_macs():
    assert parse_mac("0a:58:0A:f4:01:02") == b"\x0a\x58\x0a\xf4\x01\x02"
    assert format_mac(b"\x0a\x58\x0a\xf4\x01\x02") == "0a:58:0a:f4:01:02"
    for value in ("", "0a:58", "0a:58:0a:f4:01:zz", "0a:58:0a:f4:01:100"):
        with pytest.raises(ConfigError, match="is not a MAC address"):
            parse_mac(value)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("web.example", "web.example:80"),
        ("10.0.0.1", "10.0.0.1:80"),
        ("fd00::1", "[fd00::1]:80"),
        (packed("10.0.0.1"), "10.0.0.1:80"),
        (packed("fd00::1"), "[fd00::1]:80"),
        (parse_address("fd00::1"), "[fd00::1]:80"),
    ],
)
def test_an_ipv6_address_with_a_port_is_in_brackets(host, expected):
    assert authority(host, 80) == expected
