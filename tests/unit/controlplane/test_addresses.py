"""IP addresses and CIDRs as fields of objects: what is wrong with them, in Kubernetes' words."""

import pytest

from controlplane.api.strategies.addresses import cidr_text, ip_text, no_special_ip

NO_IP = ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]
NO_CIDR = ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"]


@pytest.mark.parametrize("text", ["10.9.8.7", "2001:db8::ffff", "::ffff:10.0.0.1"])
def test_addresses(text):
    assert ip_text(text) == no_special_ip(text) == []


@pytest.mark.parametrize("text", ["", "None", "10.0.0", "10.0.0.1/32", "host", "fe80::1%eth0"])
def test_no_addresses(text):
    assert ip_text(text) == NO_IP
    assert no_special_ip(text) == ["must be a valid IP address"]


def test_the_family_may_matter():
    assert ip_text("10.0.0.1", 4) == ip_text("::1", 6) == []
    assert ip_text("10.0.0.1", 6) == ip_text("x", 6) == ["must be a valid IPv6 address"]
    assert ip_text("::1", 4) == ["must be a valid IPv4 address"]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("0.0.0.0", "may not be unspecified (0.0.0.0)"),
        ("::", "may not be unspecified (::)"),
        ("127.1.2.3", "may not be in the loopback range (127.0.0.0/8, ::1/128)"),
        ("::1", "may not be in the loopback range (127.0.0.0/8, ::1/128)"),
        ("169.254.1.1", "may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
        ("fe80::1", "may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
        ("224.0.0.9", "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"),
        ("ff02::9", "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"),
    ],
)
def test_special_addresses(text, wrong):
    assert no_special_ip(text) == [wrong]


@pytest.mark.parametrize("text", ["10.0.0.0/8", "10.1.2.3/8", "2001:db8::1/64", "0.0.0.0/0"])
def test_ranges(text):
    assert cidr_text(text) == []


@pytest.mark.parametrize(
    "text", ["", "10.0.0.1", "10.0.0.0/33", "10.0.0.0/255.0.0.0", "10.0.0.0/", "x/8", "::/129"]
)
def test_no_ranges(text):
    assert cidr_text(text) == NO_CIDR
