"""Recorded connections, judged with policies that are not there."""

from kubehop.policy.connections import connections
from kubehop.policy.staging import MAX_SEEN, Stage
from kubehop.policy.world import read_world, with_policies
from netcore.model.policy import Direction
from tests.unit.kubehop.policy.clusters import FakeApi, namespace, node, pod, policy
from tests.unit.kubehop.policy.flowlines import line

WEB, CLIENT, NODE1, NODE2 = "10.244.1.2", "10.244.2.2", "172.18.0.11", "172.18.0.12"
TO_WEB = line("n1", CLIENT, WEB, 8080, source="default/client", target="default/web")
DENIED = line(
    "n1",
    CLIENT,
    WEB,
    8080,
    source="default/client",
    target="default/web",
    verdict="DROPPED",
    event_type={"type": 5},
    is_reply=None,
)


def world(*policies):
    return read_world(
        FakeApi(
            pods=[
                pod("web", WEB, app="web"),
                pod("near", "10.244.1.3"),
                pod("client", CLIENT, node="n2", app="client"),
            ],
            namespaces=[namespace("default")],
            nodes=[node("n1", NODE1), node("n2", NODE2)],
            networkpolicies=list(policies),
        )
    )


def manifest(*args, **spec):
    return {"kind": "NetworkPolicy", **policy(*args, **spec)}


def staged(*policies, now=()):
    present = world(*now)
    return Stage.of(present, with_policies(present, policies))


def looked(stage, *lines):
    return [stage.look(each) for each in connections(lines)]


def test_what_would_be_dropped_is_shown_as_an_audit():
    stage = staged(manifest())
    (change,) = looked(stage, TO_WEB)
    assert change.denied_by.direction is Direction.INGRESS
    flow = change.audited()["flow"]
    assert (flow["verdict"], flow["traffic_direction"]) == ("AUDIT", "INGRESS")
    assert flow["ingress_denied_by"][0]["name"] == "web"
    assert flow["event_type"] == {"type": 5}
    assert "trace_observation_point" not in flow
    assert TO_WEB["flow"]["verdict"] == "FORWARDED"
    assert list(stage.summary()) == [
        "1 connections judged",
        "1 would be dropped",
        "  default/client -> default/web:8080/TCP: once, "
        "Ingress of default/web isolated by default/web",
    ]
    assert stage.to_json()["wouldBeDropped"][0]["count"] == 1


def test_each_connection_is_told_once_and_only_by_the_node_that_judges():
    stage = staged(manifest())
    there = line("n2", CLIENT, WEB, 8080, source="default/client", target="default/web")
    first, again, other_node = looked(stage, TO_WEB, TO_WEB, there)
    assert (first is None, again, other_node) == (False, None, None)


def test_a_staged_policy_takes_the_place_of_its_namesake():
    stage = staged(manifest(ingress=[{}]), now=[policy()])
    (change,) = looked(stage, DENIED)
    assert change.denied_by is None
    assert list(stage.summary())[2:] == [
        "1 that were dropped would be allowed",
        "  default/client -> default/web:8080/TCP: once",
    ]
    out = manifest("out", podSelector={}, policyTypes=["Egress"])
    assert looked(staged(manifest(ingress=[{}]), out, now=[policy()]), DENIED) == [None]


def test_what_is_denied_already_is_no_news():
    assert looked(staged(manifest("more"), now=[policy()]), TO_WEB) == [None]
    assert looked(staged(manifest("more"), now=[policy()]), DENIED) == [None]


def test_a_masqueraded_client_is_judged_as_it_comes():
    ours = {"ipBlock": {"cidr": f"{NODE2}/32"}}
    stage = staged(manifest(ingress=[{"from": [ours]}]))
    came = line("n1", NODE2, WEB, 8080, target="default/web")
    assert looked(stage, came) == [None]
    hairpin = TO_WEB["flow"] | {"IP": {"source": CLIENT, "source_xlated": NODE2,
                                       "destination": WEB}}  # fmt: skip
    assert looked(staged(manifest(ingress=[{"from": [ours]}])), {"flow": hairpin}) == [None]


def test_pods_that_are_gone_are_counted():
    stage = staged(manifest())
    old = line("n1", CLIENT, WEB, 8080, source="default/before", target="default/web")
    assert looked(stage, old) == [None]
    assert "1 not judged: their pods are gone, or new" in list(stage.summary())
    stage.renew(world(), world())
    assert looked(stage, TO_WEB) == [None]


def test_memory_is_bounded():
    stage = staged(manifest())
    for number in range(3):
        stage._seen.update({(number, index): None for index in range(MAX_SEEN // 2)})
        while len(stage._seen) > MAX_SEEN:
            stage._seen.pop(next(iter(stage._seen)))
    looked(stage, TO_WEB)
    assert len(stage._seen) <= MAX_SEEN


def test_what_begins_no_connection_is_passed_over():
    def other(**fields):
        return {"flow": {**TO_WEB["flow"], **fields}}

    nothing = [
        other(is_reply=True),
        other(verdict="TRANSLATED"),
        other(l4={"TCP": {"flags": {"SYN": True, "ACK": True}}}),
        other(l4={"TCP": {"flags": {"FIN": True}}}),
        other(l4={"TCP": {"flags": []}}),
        other(l4={"GRE": {}}),
        other(l4={}),
        other(l4="x"),
        other(IP={"source": "x", "destination": WEB}),
        other(event_type={"type": 1}, verdict="DROPPED"),
        {"flow": "x"},
        {"lost_events": {}},
    ]
    assert list(connections(nothing)) == []
    ping = line("n1", CLIENT, WEB, protocol=1, source="default/client", target="default/web")
    (found,) = connections([ping])
    assert found.ends == "default/client -> default/web/ICMP"
