"""ipFamilies and ipFamilyPolicy: what is inferred, what is refused, and how it is said."""

import pytest

from controlplane.api.strategies.service_families import family_of, settle_families

BOTH, ONLY4, ONLY6 = ("IPv4", "IPv6"), ("IPv4",), ("IPv6",)


def settled(spec, cluster=BOTH, old=None):
    made = {"type": "ClusterIP", "selector": {"app": "web"}, **spec}
    assert settle_families(made, old or {}, cluster) == []
    return made["ipFamilyPolicy"], made["ipFamilies"]


def refused(spec, cluster=BOTH, old=None):
    made = {"type": "ClusterIP", "selector": {"app": "web"}, **spec}
    return [f"{e.path}: {e.message}" for e in settle_families(made, old or {}, cluster)]


def test_family_of():
    assert (family_of("10.0.0.1"), family_of("fd00::1")) == ("IPv4", "IPv6")


@pytest.mark.parametrize(
    ("spec", "cluster", "policy", "families"),
    [
        ({}, ONLY4, "SingleStack", ["IPv4"]),
        ({}, ONLY6, "SingleStack", ["IPv6"]),
        ({}, BOTH, "SingleStack", ["IPv4"]),
        ({}, ("IPv6", "IPv4"), "SingleStack", ["IPv6"]),
        ({"ipFamilies": ["IPv6"]}, BOTH, "SingleStack", ["IPv6"]),
        ({"ipFamilyPolicy": "PreferDualStack"}, ONLY4, "PreferDualStack", ["IPv4"]),
        ({"ipFamilyPolicy": "PreferDualStack"}, BOTH, "PreferDualStack", ["IPv4", "IPv6"]),
        (
            {"ipFamilyPolicy": "RequireDualStack", "ipFamilies": ["IPv6"]},
            BOTH,
            "RequireDualStack",
            ["IPv6", "IPv4"],
        ),
        ({"clusterIPs": ["fd00::7"]}, BOTH, "SingleStack", ["IPv6"]),
        (
            {"clusterIPs": ["fd00::7", "10.96.0.7"], "ipFamilyPolicy": "PreferDualStack"},
            BOTH,
            "PreferDualStack",
            ["IPv6", "IPv4"],
        ),
        ({"clusterIP": "None"}, BOTH, "SingleStack", ["IPv4"]),
        ({"clusterIP": "None", "selector": None}, ONLY4, "RequireDualStack", ["IPv4", "IPv6"]),
        (
            {"clusterIP": "None", "selector": None, "ipFamilyPolicy": "SingleStack"},
            ONLY6,
            "SingleStack",
            ["IPv6"],
        ),
    ],
)
def test_what_is_inferred(spec, cluster, policy, families):
    assert settled(spec, cluster) == (policy, families)


def test_an_external_name_has_no_families():
    spec = {"type": "ExternalName"}
    assert settle_families(spec, {}, BOTH) == []
    assert spec == {"type": "ExternalName"}


@pytest.mark.parametrize(
    ("spec", "cluster", "message"),
    [
        (
            {"ipFamilyPolicy": "RequireDualStack"},
            ONLY4,
            'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": '
            "this cluster is not configured for dual-stack services",
        ),
        (
            {"ipFamilies": ["IPv6"]},
            ONLY4,
            'spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster',
        ),
        (
            {"clusterIPs": ["fd00::7"]},
            ONLY4,
            'spec.clusterIPs[0]: Invalid value: ["fd00::7"]: '
            "IPv6 is not configured on this cluster",
        ),
        (
            {"ipFamilies": ["IPv4", "IPv6"]},
            BOTH,
            "spec.ipFamilyPolicy: Invalid value: \"SingleStack\": must be 'RequireDualStack' or "
            "'PreferDualStack' when multiple IP families are specified",
        ),
    ],
)
def test_what_is_refused(spec, cluster, message):
    assert refused(spec, cluster) == [message]


DUAL = {
    "type": "ClusterIP",
    "ipFamilyPolicy": "PreferDualStack",
    "ipFamilies": ["IPv4", "IPv6"],
    "clusterIPs": ["10.96.0.7", "fd00::7"],
}
SINGLE = {
    "type": "ClusterIP",
    "ipFamilyPolicy": "SingleStack",
    "ipFamilies": ["IPv4"],
    "clusterIPs": ["10.96.0.7"],
}


def test_single_stack_releases_the_secondary_address_and_family():
    spec = {**DUAL, "ipFamilyPolicy": "SingleStack"}
    assert settle_families(spec, DUAL, BOTH) == []
    assert (spec["clusterIPs"], spec["ipFamilies"]) == (["10.96.0.7"], ["IPv4"])


def test_a_service_is_upgraded_by_its_policy():
    assert settled({**SINGLE, "ipFamilyPolicy": "PreferDualStack"}, BOTH, SINGLE) == (
        "PreferDualStack",
        ["IPv4", "IPv6"],
    )


def test_a_policy_left_out_is_as_it_was():
    spec = {k: v for k, v in DUAL.items() if k != "ipFamilyPolicy"}
    assert settled(spec, BOTH, DUAL) == ("PreferDualStack", ["IPv4", "IPv6"])


def test_to_leave_the_secondary_out_is_no_clear_wish():
    messages = refused({**DUAL, "clusterIPs": ["10.96.0.7"], "ipFamilies": ["IPv4"]}, BOTH, DUAL)
    assert [message.partition(": must")[2] for message in messages] == [
        " be 'SingleStack' to release the secondary cluster IP",
        " be 'SingleStack' to release the secondary IP family",
    ]


def test_another_cluster_changes_no_service():
    before = {**SINGLE, "ipFamilyPolicy": "PreferDualStack"}
    assert settled(dict(before), BOTH, before) == ("PreferDualStack", ["IPv4"])
