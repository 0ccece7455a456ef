import json

from kubehop.tracing.names import Names
from kubehop.tracing.outcome import outcome
from kubehop.tracing.packet_trace import PacketTrace
from kubehop.tracing.traceflow import COMPONENTS, traceflow
from netcore.pipeline.trace import Stage
from tests.unit.kubehop.packetlines import ARMED, OUTER, SENDING, SILENCE, at, dropped, whole
from tests.unit.kubehop.tracelines import flow, hop, packet, sent

NAMES = Names({"10.244.0.2": "pod web", "10.244.1.2": "pod db"})


def document(*lines):
    trace = PacketTrace.of(lines, "pod default/web", "backend:80", "TCP")
    found = traceflow(trace, outcome(trace, NAMES), NAMES)
    assert json.loads(json.dumps(found)) == found
    return found


def actions(entry):
    return [(seen["component"], seen["action"]) for seen in entry["observations"]]


def test_every_stage_has_a_component():
    assert {stage.value for stage in Stage} <= COMPONENTS.keys()


def test_a_delivered_packet_has_the_shape_of_a_traceflow():
    found = document(*whole())
    assert (found["id"], found["phase"], found["outcome"]) == ("0badcafe", "Succeeded", "Delivered")
    sender, receiver = found["results"]
    assert (sender["node"], sender["role"]) == ("n1", "Sender")
    assert (receiver["node"], receiver["role"]) == ("n2", "Receiver")
    assert actions(sender) == [
        ("LB", "Forwarded"),
        ("Forwarding", "Forwarded"),
        ("Forwarding", "Received"),
        ("Forwarding", "Forwarded"),
        ("Forwarding", "Delivered"),
    ]
    assert actions(receiver)[:2] == [("Forwarding", "Received"), ("Forwarding", "Delivered")]
    balanced, tunnelled = sender["observations"][:2]
    assert (balanced["translatedDstIP"], balanced["timeUs"]) == ("10.244.1.2", 1)
    assert (tunnelled["tunnelDstIP"], tunnelled["outer"]) == ("172.18.0.12", OUTER)
    assert receiver["observations"][1]["pod"] == "pod db"
    assert found["dns"]["questions"][0]["rcode"] == "NOERROR"
    assert found["packet"]["sourcePort"] == 40000


def test_a_policy_that_drops_is_named_and_the_sender_is_kept():
    [sender] = document(ARMED, SENDING, SILENCE, at(dropped(), 1))["results"]
    assert actions(sender) == [("LB", "Forwarded"), ("NetworkPolicy", "Dropped")]
    last = sender["observations"][-1]
    assert (last["networkPolicy"], last["componentInfo"]) == ("default/deny", "EgressDefaultRule")
    assert (last["dropReason"], last["why"]) == ("POLICY_DENIED", "no rule matches")


def test_a_rule_of_a_policy_is_named():
    ends = flow(("10.244.0.2", 40000), ("10.96.0.7", 80))
    hops = [
        hop("ingress policy", ends, ends, rule="NetworkPolicy default/allow rule 2"),
        hop("route", ends, ends),
    ]
    line = packet("n1", "host", "TCP SYN", hops, "ToHost")
    [entry] = document(ARMED, SENDING, at(line, 1))["results"]
    assert actions(entry) == [
        ("Forwarding", "Received"),
        ("NetworkPolicy", "Forwarded"),
        ("Routing", "Forwarded"),
        ("Forwarding", "ForwardedOutOfNetwork"),
    ]
    judged = entry["observations"][1]
    assert (judged["networkPolicy"], judged["networkPolicyRule"]) == ("default/allow", "2")


def test_masquerade_marks_for_snat():
    before = flow(("10.244.0.2", 40000), ("10.96.0.7", 80))
    after = flow(("172.18.0.11", 61000), ("10.96.0.7", 80))
    line = packet("n1", "pod a", "TCP SYN", [hop("masquerade", before, after)], "ToHost")
    [entry] = document(ARMED, SENDING, at(line, 1))["results"]
    seen = entry["observations"][0]
    assert (seen["action"], seen["translatedSrcIP"]) == ("MarkedForSNAT", "172.18.0.11")
    assert seen["translatedSrcPort"] == 61000


def test_a_packet_without_hops_is_observed():
    line = {**at(sent(), 1), "hops": [], "verdict": "Reject", "verdictDetail": "x"}
    assert document(ARMED, SENDING, line)["results"] == []  # without a flow it is nobody's


def test_a_node_that_does_not_answer_is_an_observation():
    lost = {"type": "warning", "node": "n3", "message": "the agent of n3 does not answer"}
    entry = document(*whole(), lost)["results"][-1]
    assert (entry["node"], actions(entry)) == ("n3", [("Observer", "NotObserved")])


def test_what_was_never_sent_failed():
    found = document(ARMED)
    assert (found["phase"], found["startTime"], found["results"]) == ("Failed", None, [])
