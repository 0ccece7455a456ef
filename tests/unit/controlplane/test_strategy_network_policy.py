"""NetworkPolicies as the API server defaults and refuses them."""

from dataclasses import replace

import pytest

from controlplane.api.strategies.network_policy import NetworkPolicyStrategy, enforcement_warnings
from controlplane.config import ClusterSettings
from netcore.model.policy_settings import PolicySettings
from tests.unit.controlplane.running import cluster

STRATEGY = NetworkPolicyStrategy()


def policy(**spec):
    return {"metadata": {"name": "p", "namespace": "default"}, "spec": {"podSelector": {}, **spec}}


def defaulted(**spec):
    made = policy(**spec)
    STRATEGY.default(made)
    return made["spec"]


def problems(**spec):
    made = policy(**spec)
    STRATEGY.default(made)
    return [f"{error.path}: {error.message}" for error in STRATEGY.validate(made, None)]


def from_(**peer):
    return {"ingress": [{"from": [peer]}]}


def port(**fields):
    return {"egress": [{"ports": [fields]}]}


def test_defaults():
    assert defaulted()["policyTypes"] == ["Ingress"]
    assert defaulted(egress=[{}])["policyTypes"] == ["Ingress", "Egress"]
    assert defaulted(egress=[])["policyTypes"] == ["Ingress"]
    assert defaulted(policyTypes=[])["policyTypes"] == []
    assert defaulted(ingress=[{"ports": [{"port": 80}]}])["ingress"][0]["ports"] == [
        {"port": 80, "protocol": "TCP"}
    ]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (from_(), "spec.ingress[0].from[0]: Required value: must specify a peer"),
        (
            from_(podSelector={}, ipBlock={"cidr": "10.0.0.0/8"}),
            "spec.ingress[0].from[0]: Forbidden: may not specify both ipBlock and another peer",
        ),
        (from_(ipBlock={"cidr": ""}), "spec.ingress[0].from[0].ipBlock.cidr: Required value"),
        (
            from_(ipBlock={"cidr": "10.0.0.0"}),
            'spec.ingress[0].from[0].ipBlock.cidr: Invalid value: "10.0.0.0": must be a valid CIDR '
            "value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",
        ),
        (
            from_(ipBlock={"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16", "192.168.0.0/16"]}),
            'spec.ingress[0].from[0].ipBlock.except[1]: Invalid value: "192.168.0.0/16": '
            "must be a strict subset of `cidr`",
        ),
        (
            from_(ipBlock={"cidr": "10.0.0.0/8", "except": ["10.0.0.0/8"]}),
            'spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: "10.0.0.0/8": '
            "must be a strict subset of `cidr`",
        ),
        (
            from_(podSelector={"matchExpressions": [{"key": "a", "operator": "In"}]}),
            "spec.ingress[0].from[0].podSelector.matchExpressions[0].values: Required value: "
            "must be specified when `operator` is 'In' or 'NotIn'",
        ),
        (
            port(protocol="ICMP"),
            'spec.egress[0].ports[0].protocol: Unsupported value: "ICMP": supported values: '
            '"TCP", "UDP", "SCTP"',
        ),
        (
            port(port=0),
            "spec.egress[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, "
            "inclusive",
        ),
        (
            port(port=90, endPort=80),
            "spec.egress[0].ports[0].endPort: Invalid value: 90: must be greater than or equal to "
            "`port`",
        ),
        (
            port(endPort=80),
            "spec.egress[0].ports[0].endPort: Invalid value: 80: may not be specified when `port` "
            "is not specified",
        ),
        (
            port(port="http", endPort=80),
            "spec.egress[0].ports[0].endPort: Invalid value: 80: may not be specified when `port` "
            "is non-numeric",
        ),
        (
            {"policyTypes": ["Ingress", "Sideways"]},
            'spec.policyTypes[1]: Unsupported value: "Sideways": supported values: "Ingress", '
            '"Egress"',
        ),
        (
            {"policyTypes": ["Ingress", "Egress", "Ingress"]},
            'spec.policyTypes: Invalid value: ["Ingress","Egress","Ingress"]: may not specify more '
            "than two policyTypes",
        ),
    ],
)
def test_what_is_refused(spec, expected):
    assert problems(**spec) == [expected]


def test_what_is_taken():
    block = {"cidr": "2001:db8::/32", "except": ["2001:db8:1::/48"]}
    assert problems(**from_(ipBlock=block)) == []
    assert problems(**from_(podSelector={}, namespaceSelector={"matchLabels": {"a": "b"}})) == []
    assert problems(**port(port=80, endPort=90, protocol="SCTP")) == []
    assert problems(**port(port="http")) == []


def test_nobody_enforces_policies_with_flannel():
    plain = ClusterSettings()
    assert enforcement_warnings(plain) == []
    flannel = replace(plain, cni="flannel", policy=PolicySettings(enforced=False))
    (text,) = enforcement_warnings(flannel)
    assert '"flannel"' in text


async def test_an_event_says_so_too():
    async with cluster(cni="flannel", policy=PolicySettings(enforced=False)) as made:
        await made.create("networkpolicies.networking.k8s.io", policy())
        events = await made.eventually("events", lambda found: bool(found))
        (event,) = [e for e in events if e["involvedObject"]["kind"] == "NetworkPolicy"]
        assert (event["type"], event["reason"]) == ("Warning", "NotEnforced")


async def test_where_they_are_enforced_there_is_no_event():
    async with cluster() as made:
        await made.create("networkpolicies.networking.k8s.io", policy())
        assert await made.items("events") == []
