"""Expectation, prediction and observation: what agrees, and what is said when they do not."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from kubehop.ends import parse_source, parse_target
from kubehop.policy.check_reports import junit, text_lines, to_json
from kubehop.policy.checking import Result, compare
from kubehop.policy.expectations import Expectation
from kubehop.policy.observation import Observation, observe
from kubehop.policy.places import find_source, find_targets
from kubehop.policy.prediction import predict
from kubehop.policy.world import read_world
from kubehop.tracing.names import Names
from kubehop.tracing.outcome import outcome
from kubehop.tracing.packet_trace import PacketTrace
from tests.unit.kubehop.packetlines import (
    ANSWERED,
    ARMED,
    REFUSED,
    SENDING,
    SILENCE,
    at,
    dropped,
    hop,
    packet,
)
from tests.unit.kubehop.policy.clusters import (
    FakeApi,
    endpoint_slice,
    node,
    pod,
    policy,
    service,
)
from tests.unit.kubehop.tracelines import CLIENT, SERVER, flow

WEB, OTHER_WEB = "10.244.1.2", "10.244.1.7"
DENIED = Observation(False, ("default/web",), WEB, "dropped")
ALLOWED = Observation(True, (), WEB, "answered")


def world(*policies):
    return read_world(
        FakeApi(
            pods=[
                pod("web", WEB, app="web"),
                pod("more", OTHER_WEB, app="more"),
                pod("client", "10.244.2.2", node="n2"),
            ],
            nodes=[node("n1", "172.18.0.11"), node("n2", "172.18.0.12")],
            networkpolicies=list(policies),
            services=[service("web", 80)],
            endpointslices=[endpoint_slice("web", 80, 8080, WEB, OTHER_WEB)],
        )
    )


def expectation(target="web:8080", allowed=False, by=""):
    start, end = parse_source("client", "default"), parse_target(target, "default")
    return Expectation("client", target, start, end, allowed, by, "", "e.yaml: expectations[0]")


def checked(observed, *policies, **fields):
    seen, wanted = world(*policies), expectation(**fields)
    start = find_source(seen, wanted.start)
    predictions = [predict(seen, start, each) for each in find_targets(seen, wanted.end, start)]
    return compare(wanted, predictions, observed)


def test_all_three_agree():
    found = checked(DENIED, policy(), by="default/web")
    assert found.is_as_expected
    assert (found.predicted, found.predicted_by) == (False, ("default/web",))
    assert checked(ALLOWED, allowed=True).is_as_expected


@pytest.mark.parametrize(
    ("observed", "policies", "fields", "problem"),
    [
        (ALLOWED, [policy()], {}, "expected denied, predicted denied, observed allowed"),
        (DENIED, [policy()], {"allowed": True}, "expected allowed, predicted denied, observed d"),
        (DENIED, [], {}, "expected denied, predicted allowed, observed denied"),
        (
            Observation(None, (), WEB, "lost"),
            [policy()],
            {},
            "expected denied, predicted denied, observed neither",
        ),
        (
            Observation(False, ("default/x",), WEB, ""),
            [policy()],
            {},
            "predicted by default/web, observed by default/x",
        ),
        (DENIED, [policy()], {"by": "default/y"}, "expected by default/y, observed by default/web"),
        (
            DENIED,
            [policy()],
            {"target": "svc/web:80"},
            "what is predicted depends on the endpoint: name one of them",
        ),
    ],
)
def test_any_difference_is_a_problem(observed, policies, fields, problem):
    found = checked(observed, *policies, **fields)
    assert problem in found.problems[0]
    assert not found.is_as_expected


def test_what_another_endpoint_has_does_not_count():
    both = [policy(), policy("more", podSelector={"matchLabels": {"app": "more"}})]
    there = Observation(False, ("default/more",), OTHER_WEB, "dropped")
    assert checked(there, *both, target="svc/web:80").is_as_expected


def seen(*lines):
    trace = PacketTrace.of([ARMED, SENDING, *lines], "pod default/client", "web", "TCP")
    return observe(trace, outcome(trace, Names()))


def test_what_a_packet_shows():
    found = seen(SILENCE, at(dropped(), 1))
    assert (found.allowed, found.policies) == (False, ("default/deny",))
    assert "dropped on" in found.sentence
    ends = flow(CLIENT, SERVER)
    judged = hop("ingress policy", ends, ends, rule="NetworkPolicy a/b rule 1")
    came = packet("n1", "pod a", "TCP SYN", [judged, hop("deliver", ends, ends)], "Deliver")
    sending = {**SENDING, **ends}
    for reply in (ANSWERED, REFUSED):
        found = seen(sending, reply, at(came, 1))
        assert (found.allowed, found.policies) == (True, ("a/b",)), found
        assert found.destination == SERVER[0]


def test_what_no_policy_stopped_is_neither():
    ends = flow(CLIENT, SERVER)
    lost = packet("n1", "pod a", "TCP SYN", [hop("route", ends, ends)], "Drop")
    assert seen({**SENDING, **ends}, SILENCE, at(lost, 1)).allowed is None
    assert seen(SILENCE).allowed is None
    assert seen(ANSWERED).allowed is True  # a pod that reaches itself


def results():
    return [
        checked(DENIED, policy()),
        checked(ALLOWED, policy()),
        Result(expectation(), failure="the pod is \x00 gone"),
    ]


def test_for_people():
    lines = list(text_lines(results()))
    assert lines[0] == "ok    client -> web:8080: denied by default/web"
    assert lines[1] == "FAIL  client -> web:8080"
    assert "        expected denied, predicted denied, observed allowed" in lines
    assert lines[-2].startswith("ERROR client -> web:8080: the pod is")
    assert lines[-1] == "3 checked, 1 as expected, 2 not"


def test_for_programs():
    document = json.loads(json.dumps(to_json(results())))
    assert document["asExpected"] is False
    first, second, third = document["results"]
    assert first["predicted"] == {"verdict": "denied", "by": ["default/web"]}
    assert second["observed"]["verdict"] == "allowed"
    assert (third["observed"], third["failure"]) == (None, "the pod is \x00 gone")


def test_for_ci(tmp_path: Path):
    root = ElementTree.fromstring(junit(results(), 1.5))
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("3", "1", "1")
    good, bad, broken = root.iter("testcase")
    assert len(good) == 0
    assert bad[0].tag == "failure"
    assert "predicted denied" in bad[0].get("message")
    assert (broken[0].tag, broken[0].get("message")) == ("error", "the pod is \ufffd gone")
