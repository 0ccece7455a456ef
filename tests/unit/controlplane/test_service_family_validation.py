"""Cluster IPs, families and policy that do not fit together, in the API server's words."""

import pytest

from controlplane.api.strategies.service_family_validation import (
    validate_families,
    validate_family_change,
)


def messages(errors):
    return [f"{error.path}: {error.message}" for error in errors]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"ipFamilies": ["IPv5"]}, 'spec.ipFamilies[0]: Unsupported value: "IPv5"'),
        ({"ipFamilies": ["IPv4", "IPv4"]}, 'spec.ipFamilies[1]: Duplicate value: "IPv4"'),
        ({"ipFamilyPolicy": "Both"}, 'spec.ipFamilyPolicy: Unsupported value: "Both"'),
        ({"clusterIPs": ["None", "10.0.0.1"]}, "'None' must be the first and only value"),
        ({"clusterIPs": ["10.0.0.1", "None"]}, "spec.clusterIPs[1]: Invalid value"),
        ({"clusterIPs": ["10.0.0.1", "10.0.0.2"]}, "no more than one IP for each IP family"),
        ({"clusterIPs": ["10.0.0.1", "fd00::1", "fd00::2"]}, "may only hold up to 2 values"),
        ({"clusterIP": "10.0.0.2", "clusterIPs": ["10.0.0.1"]}, "must match `clusterIP`"),
        (
            {"clusterIPs": ["10.0.0.1"], "ipFamilies": ["IPv6"]},
            "expected an IPv6 value as indicated by `ipFamilies[0]`",
        ),
        (
            {"type": "ExternalName", "ipFamilies": ["IPv4"]},
            "spec.ipFamilies: Forbidden: may not be set for ExternalName services",
        ),
        (
            {"type": "ExternalName", "ipFamilyPolicy": "SingleStack"},
            "spec.ipFamilyPolicy: Forbidden: may not be set for ExternalName services",
        ),
    ],
)
def test_what_cannot_be(spec, message):
    found = messages(validate_families({"type": "ClusterIP", **spec}))
    assert any(message in text for text in found), found


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"clusterIP": "None", "clusterIPs": ["None"], "ipFamilies": ["IPv6", "IPv4"]},
        {"clusterIP": "fd00::1", "clusterIPs": ["fd00::1", "10.0.0.1"]},
        {"type": "ExternalName"},
    ],
)
def test_what_can_be(spec):
    assert validate_families({"type": "ClusterIP", **spec}) == []


def service(*ips, policy="PreferDualStack"):
    families = ["IPv6" if ":" in ip else "IPv4" for ip in ips]
    return {
        "type": "ClusterIP",
        "clusterIP": ips[0] if ips else "",
        "clusterIPs": list(ips),
        "ipFamilies": families,
        "ipFamilyPolicy": policy,
    }


@pytest.mark.parametrize(
    ("before", "after", "paths"),
    [
        (service("10.0.0.1"), service("10.0.0.1", "fd00::1"), []),
        (service("10.0.0.1", "fd00::1"), service("10.0.0.1", policy="SingleStack"), []),
        (service("10.0.0.1"), service("10.0.0.2"), ["spec.clusterIPs[0]"]),
        (
            service("10.0.0.1"),
            service("fd00::1", "10.0.0.1"),
            ["spec.clusterIPs[0]", "spec.ipFamilies[0]"],
        ),
        (
            service("10.0.0.1", "fd00::1"),
            service("10.0.0.1"),
            ["spec.ipFamilyPolicy", "spec.ipFamilyPolicy"],
        ),
        (service("10.0.0.1"), service(), ["spec.clusterIPs[0]", "spec.ipFamilies[0]"]),
        (service("None"), service("None") | {"ipFamilies": ["IPv6"]}, []),
        (service("10.0.0.1"), {"type": "ExternalName"}, []),
        ({"type": "ExternalName"}, service("10.0.0.1"), []),
    ],
)
def test_what_may_change(before, after, paths):
    assert [error.path for error in validate_family_change(after, before)] == paths
