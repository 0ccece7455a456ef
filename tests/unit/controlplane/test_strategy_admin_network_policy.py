"""Policies of a cluster's admin, as their definitions limit them."""

import pytest

from controlplane.api.errors import StatusError
from controlplane.api.strategies.admin_network_policy import AdminNetworkPolicyStrategy
from netcore.manifest.policies import admin_network_policy
from netcore.model.policy import Action
from tests.unit.controlplane.running import cluster

ADMIN = AdminNetworkPolicyStrategy(is_baseline=False)
BASELINE = AdminNetworkPolicyStrategy(is_baseline=True)
EVERYBODY = {"namespaces": {}}


def rule(action="Deny", ends="from", peers=None, **fields):
    return {"action": action, ends: [EVERYBODY] if peers is None else peers, **fields}


def policy(name="p", **spec):
    return {"metadata": {"name": name}, "spec": {"priority": 10, "subject": EVERYBODY, **spec}}


def problems(strategy, manifest):
    strategy.default(manifest)
    return [f"{error.path}: {error.message}" for error in strategy.validate(manifest, None)]


def to(**peer):
    return {"egress": [rule(ends="to", peers=[peer])]}


def ports(*entries):
    return {"ingress": [rule(ports=list(entries))]}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"priority": None}, "spec.priority: Required value"),
        (
            {"priority": 1001},
            "spec.priority: Invalid value: 1001: must be between 0 and 1000, inclusive",
        ),
        (
            {"subject": {}},
            "spec.subject: Required value: exactly one of namespaces, pods",
        ),
        (
            {"ingress": [rule("Log")]},
            'spec.ingress[0].action: Unsupported value: "Log": supported values: "Allow", "Deny", '
            '"Pass"',
        ),
        ({"ingress": [rule(peers=[])]}, "spec.ingress[0].from: Required value: at least one peer"),
        (
            {"ingress": [rule(peers=[{"networks": ["10.0.0.0/8"]}])]},
            "spec.ingress[0].from[0]: Required value: exactly one of namespaces, pods",
        ),
        (
            to(networks=["10.0.0.0"]),
            'spec.egress[0].to[0].networks[0]: Invalid value: "10.0.0.0": must be a valid CIDR '
            "value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",
        ),
        (
            ports({"portRange": {"start": 90, "end": 80}}),
            "spec.ingress[0].ports[0].portRange: Invalid value: [90,80]: start must be less than "
            "end",
        ),
        (
            ports({"portNumber": {"port": 0}}),
            "spec.ingress[0].ports[0].portNumber.port: Invalid value: 0: must be between 1 and "
            "65535, inclusive",
        ),
        (
            ports({}),
            "spec.ingress[0].ports[0]: Required value: exactly one of portNumber, namedPort, "
            "portRange",
        ),
        (
            {"ingress": [rule()] * 101},
            "spec.ingress: Too many: 101: must have at most 100 items",
        ),
    ],
)
def test_what_is_refused(spec, expected):
    assert problems(ADMIN, policy(**spec)) == [expected]


def test_a_baseline_is_one_and_does_not_pass():
    assert problems(BASELINE, policy("default", ingress=[rule()])) == []
    named, passing = problems(BASELINE, policy("other", ingress=[rule("Pass")]))
    assert named.startswith('metadata.name: Invalid value: "other"')
    assert passing.endswith('supported values: "Allow", "Deny"')


async def test_they_are_served_and_read():
    whole = policy(
        "guard",
        ingress=[rule("Pass", name="on"), rule(ports=[{"portNumber": {"port": 80}}])],
        egress=[rule("Allow", "to", [{"nodes": {}}, {"networks": ["192.0.2.0/24"]}])],
    )
    async with cluster() as made:
        stored = await made.create("adminnetworkpolicies.policy.networking.k8s.io", whole)
        assert stored["spec"]["ingress"][1]["ports"][0]["portNumber"]["protocol"] == "TCP"
        found = admin_network_policy(stored)
        assert [each.action for each in found.ingress] == [Action.PASS, Action.DENY]
        assert (found.priority, found.ingress[0].name) == (10, "on")
        assert str(found.egress[0].peers[1].blocks[0]) == "192.0.2.0/24"
        with pytest.raises(StatusError, match="priority"):
            await made.create(
                "adminnetworkpolicies.policy.networking.k8s.io", policy("bad", priority=-1)
            )
