"""The rules for IP addresses and CIDRs, worded as Kubernetes words them.

Every function returns what is wrong, an empty list when nothing is. Sources: pkg/util/validation
(ip.go) of k8s.io/apimachinery, ValidateNonSpecialIP of pkg/apis/core/validation.
"""

from __future__ import annotations

from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

_LINK_LOCAL_MULTICAST = (IPv4Network("224.0.0.0/24"), IPv6Network("ff02::/16"))


def ip_text(text: str, family: int = 0) -> list[str]:
    """An address, of the family 4 or 6 where one is given."""
    address = _parsed(text)
    if family:
        is_right = address is not None and address.version == family
        return [] if is_right else [f"must be a valid IPv{family} address"]
    if address is None:
        return ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]
    return []


def no_special_ip(text: str) -> list[str]:
    """An address that others can send to: what endpoints and external addresses have to be."""
    address = _parsed(text)
    if address is None:
        return ["must be a valid IP address"]
    wrong = []
    if address.is_unspecified:
        wrong.append(f"may not be unspecified ({text})")
    if address.is_loopback:
        wrong.append("may not be in the loopback range (127.0.0.0/8, ::1/128)")
    if address.is_link_local:
        wrong.append("may not be in the link-local range (169.254.0.0/16, fe80::/10)")
    if any(address in network for network in _LINK_LOCAL_MULTICAST):
        wrong.append("may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)")
    return wrong


def cidr_text(text: str) -> list[str]:
    """A range of addresses. Bits of the host may be set: older fields have always allowed it."""
    _, slash, length = text.partition("/")
    try:
        ip_network(text, strict=False)
    except ValueError:
        slash = ""
    if slash and length.isdecimal():
        return []
    return ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"]


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    """Without the zone that Python allows in an IPv6 address, and the API does not."""
    try:
        return None if "%" in text else ip_address(text)
    except ValueError:
        return None
