"""From a cluster's objects to the words that a user reads."""

from ipaddress import ip_address

import pytest

from kubehop.ends import parse_source, parse_target
from kubehop.policy.matrix import reach
from kubehop.policy.places import find_source, find_targets
from kubehop.policy.prediction import predict
from kubehop.policy.render import render, to_json
from kubehop.policy.world import read_settings, read_world
from netcore.model.errors import ConfigError
from netcore.model.policy_settings import BlockScope, Established, PolicySettings
from netcore.packet.protocols import PROTOCOL_ICMPV6
from tests.unit.kubehop.policy.clusters import (
    FakeApi,
    endpoint_slice,
    namespace,
    node,
    pod,
    policy,
    service,
)

PODS = [
    pod("web", "10.244.1.2", app="web", ports=(("http", 8080),)),
    pod("good", "10.244.1.3", app="good", node="n2"),
    pod("bad", "10.244.1.4", app="bad"),
    pod("far", "10.244.1.5", "other", app="good"),
]


def world(*policies, settings=None, **more):
    return read_world(
        FakeApi(
            settings,
            pods=PODS,
            namespaces=[namespace("default"), namespace("other", team="a")],
            nodes=[node("n1", "172.18.0.11"), node("n2", "172.18.0.12")],
            networkpolicies=list(policies),
            services=[service("web", 80)],
            endpointslices=[endpoint_slice("web", 80, 8080, "10.244.1.2", "192.0.2.9")],
            **more,
        )
    )


def ask(seen, source, target):
    start = find_source(seen, parse_source(source, "default"))
    targets = find_targets(seen, parse_target(target, "default"), start)
    return [predict(seen, start, each) for each in targets]


def said(seen, source, target):
    return "\n".join(line for each in ask(seen, source, target) for line in render(each))


def from_(**peer):
    return {"ingress": [{"from": [peer], "ports": [{"port": 8080}]}]}


GOOD = {"podSelector": {"matchLabels": {"app": "good"}}}


def test_allowed_by_a_rule_and_denied_for_want_of_one():
    seen = world(policy(**from_(**GOOD)))
    (good,) = ask(seen, "good", "web:8080")
    (bad,) = ask(seen, "bad", "web:8080")
    assert (good.allowed, bad.allowed) == (True, False)
    assert "NetworkPolicy default/web rule 0: matches, by peer 0 (Allow)" in said(
        seen, "good", "web:8080"
    )
    text = said(seen, "pod/bad", "default/web:8080/tcp")
    assert "default/bad -> default/web at 10.244.1.2:8080/TCP: DENIED" in text
    assert "isolated by NetworkPolicy default/web" in text
    assert "pod default/bad has the label app=bad, needed is app=good" in text


@pytest.mark.parametrize(
    ("spec", "source", "target", "reason"),
    [
        (from_(**GOOD), "other/far", "web:8080", 'the pod is in namespace "other", a podSelector'),
        (
            from_(namespaceSelector={"matchLabels": {"team": "b"}}),
            "other/far",
            "web:8080",
            'namespace "other" has the label team=a, needed is team=b',
        ),
        (
            from_(namespaceSelector={"matchLabels": {"team": "a"}}),
            "good",
            "web:8080",
            'namespace "default" has no label "team", needed is team=a',
        ),
        (from_(ipBlock={"cidr": "10.0.0.0/8"}), "192.0.2.1", "web:8080", "192.0.2.1 is not in it"),
        (
            from_(ipBlock={"cidr": "10.0.0.0/8", "except": ["10.244.0.0/16"]}),
            "good",
            "web:8080",
            "10.244.1.3 is in the exception 10.244.0.0/16",
        ),
        (from_(**GOOD), "172.18.0.12", "web:8080", "172.18.0.12 is no pod, but node n2"),
        (from_(**GOOD), "good", "web:9090", "ports TCP 8080: TCP 9090 is none of them"),
        (from_(**GOOD), "good", "web", "ICMP has no port"),
        (
            {"ingress": [{"ports": [{"port": 80}]}]},
            "good",
            "svc/web:80",
            "80 is the port of the Service, policies see the pod's: 8080",
        ),
        (
            {"ingress": [{"ports": [{"port": "web"}]}]},
            "good",
            "web:8080",
            'the pod has no port named "web"',
        ),
    ],
)
def test_why_a_rule_does_not_match(spec, source, target, reason):
    assert reason in said(world(policy(**spec)), source, target)


def test_a_service_is_all_of_its_endpoints():
    seen = world(policy(policyTypes=["Egress"]))
    first, second = ask(seen, "good", "svc/web:80")
    assert (first.target.place.name, first.target.port) == ("default/web", 8080)
    assert second.target.place.name == "192.0.2.9"
    for same in ("web.default:80", "10.96.0.7:80", "svc/web:p80", "svc/web"):
        assert [each.target for each in ask(seen, "good", same)] == [first.target, second.target]
    assert second.target.place.pod is None
    assert "asked of the Service's port 80" in said(seen, "good", "svc/web:80")


def test_for_programs():
    (found,) = ask(world(policy(**from_(**GOOD))), "bad", "web:8080")
    shown = to_json(found)
    assert (shown["verdict"], shown["to"], shown["port"]) == ("DENIED", "default/web", 8080)
    ingress = shown["directions"][1]
    assert ingress["reason"] == "DEFAULT_DENY"
    assert ingress["by"] == [
        {"kind": "NetworkPolicy", "namespace": "default", "name": "web", "rule": None}
    ]
    assert [rule["matches"] for rule in ingress["rules"]] == [False]


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("nobody", "web", 'there is no running pod "nobody" in namespace "default"'),
        ("good:80", "web", "FROM has no port"),
        ("svc/web", "web", "a Service sends nothing"),
        ("good", "svc/web:80/udp", "Service web has no port 80/UDP: there is 80/TCP"),
        ("outside", "web:80", "by which node a client outside comes in"),
        ("node/none", "web:80", 'there is no node "none"'),
        ("good", "10.96.0.7:81", "Service web has no port 81/TCP"),
        ("good", "2001:db8::1", "have no addresses of one family"),
        ("good", "svc/web:81", "Service web has no port 81/TCP: there is 80/TCP"),
        ("good", "svc/none:80", 'there is no Service "none"'),
        ("good", "web:70000", '"70000" is not a port'),
        ("good", "web:80/gre", "none of tcp, udp, sctp, icmp"),
        ("good", "a/b/c/d", "give a pod's name"),
        ("good", "job/a/b", "give a pod's name"),
    ],
)
def test_what_cannot_be_asked_is_said(source, target, message):
    with pytest.raises(ConfigError) as caught:
        ask(world(), source, target)
    assert message in str(caught.value)


def test_the_matrix():
    names, rows = reach(world(policy(**from_(**GOOD))), "default", "8080")
    assert names == ["default/bad", "default/good", "default/web"]
    assert rows == [[None, True, False], [True, None, True], [True, True, None]]
    with pytest.raises(ConfigError, match="no pod runs in namespace empty"):
        reach(world(), "empty", "")


def test_whether_blocks_see_the_cluster_ip_is_the_clusters_choice():
    """As the datapath has it: tests of netcore.pipeline.stages.policy."""
    cluster_ip = {"egress": [{"to": [{"ipBlock": {"cidr": "10.96.0.0/16"}}]}]}
    isolating = policy(podSelector={}, policyTypes=["Egress"], **cluster_ip)
    for choice, allowed in (("before-dnat", True), ("after-dnat", False)):
        settings = {"cni": "kubehop", "policy": f"ip-blocks={choice}"}
        found = ask(world(isolating, settings=settings), "good", "svc/web:80")
        assert {each.allowed for each in found} == {allowed}, choice


def test_settings_are_those_of_the_cluster():
    data = {"cni": "cilium", "policy": "established=keep"}
    found = read_settings(FakeApi(data))
    assert (found.established, found.block_scope) == (Established.KEEP, BlockScope.OUTSIDE)
    assert read_settings(FakeApi()) == PolicySettings()
    denied = world(policy(), settings={"cni": "flannel", "policy": ""})
    (found,) = ask(denied, "good", "web:8080")
    assert found.allowed
    assert "no policy is asked" in said(denied, "good", "web:8080")


def test_the_family_that_both_have_is_asked():
    both = pod("both", "10.244.1.9", app="web")
    both["status"]["podIPs"].append({"ip": "fd00::9"})
    six = pod("six", "fd00::6", app="good")
    api = FakeApi(pods=[both, six], networkpolicies=[policy(**from_(**GOOD))])
    api.lists["nodes"] = [node("n1", "172.18.0.11")]
    (found,) = ask(read_world(api), "six", "both:8080")
    assert (found.flow.dst, found.allowed) == (ip_address("fd00::9").packed, True)
    assert "at [fd00::9]:8080/TCP: ALLOWED" in said(read_world(api), "six", "both:8080")
    (ping,) = ask(read_world(api), "six", "both")
    assert ping.flow.protocol == PROTOCOL_ICMPV6


def test_a_node_is_an_address_of_its_own():
    (found,) = ask(world(policy(**from_(**GOOD))), "node/n2", "web:8080")
    assert (found.source.name, found.allowed) == ("node n2", False)
    (own,) = ask(world(policy(**from_(**GOOD))), "node/n1", "web:8080")
    assert own.allowed
