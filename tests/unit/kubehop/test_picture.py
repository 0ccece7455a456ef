from xml.etree import ElementTree

from kubehop.tracing.mermaid import escape, mermaid
from kubehop.tracing.names import Names
from kubehop.tracing.outcome import outcome
from kubehop.tracing.packet_trace import PacketTrace
from kubehop.tracing.picture import picture
from kubehop.tracing.svg import svg
from tests.unit.kubehop.packetlines import ARMED, SENDING, SILENCE, at, dropped, whole
from tests.unit.kubehop.tracelines import flow, hop, packet

NAMES = Names({"10.244.0.2": "pod web", "10.244.1.2": "pod db"})
NAMESPACE = "{http://www.w3.org/2000/svg}"


def drawn(*lines):
    trace = PacketTrace.of(lines, "pod default/web", "backend:80", "TCP")
    return picture(trace, outcome(trace, NAMES), NAMES)


def test_a_lane_a_node_and_a_box_a_hop():
    found = drawn(*whole())
    assert found.lanes == ("node n1", "node n2")
    assert [step.title for step in found.steps if step.kind == "hop"] == [
        "+1 us service",
        "+2 us encap",
        "conntrack entry",
        "+391 us deliver",
        "+491 us encap",
        "+891 us conntrack",
        "+892 us deliver",
        "conntrack entry",
    ]
    assert [step.over for step in found.steps if step.over] == [
        "VXLAN VNI 1, UDP port 50123",
        "VXLAN",
    ]
    assert not found.is_bad


def test_a_drop_is_marked_with_its_reason():
    found = drawn(ARMED, SENDING, SILENCE, at(dropped(), 1))
    [stop] = [step for step in found.steps if step.kind == "drop"]
    assert stop.lines[0] == "DROPPED: POLICY_DENIED"
    assert found.is_bad
    assert "L0-xL0: +2 us egress policy" in mermaid(found)
    classes = [shape.get("class") for shape in ElementTree.fromstring(svg(found)).iter()]
    assert "drop" in classes


def test_the_network_around_the_nodes_carries_too():
    ends = flow(("10.244.0.2", 40000), ("10.96.0.7", 80))
    first = packet("n1", "pod a", "TCP SYN", [hop("route", ends, ends)], "ToHost")
    second = packet("n2", "host", "TCP SYN", [hop("route", ends, ends)], "ToHost")
    found = drawn(ARMED, SENDING, at(first, 1), at(second, 2))
    assert [step.over for step in found.steps if step.over] == ["network"]
    assert "L0->>L1: network" in mermaid(found)


def test_an_unseen_packet_is_drawn_too():
    warning = {"type": "warning", "node": "n3", "message": "gone"}
    found = drawn(ARMED, warning)
    assert found.lanes == ("no node saw the packet",)
    ElementTree.fromstring(svg(found))
    assert "not observed: node n3: gone" in mermaid(found)


def test_mermaid_is_a_sequence_diagram():
    lines = mermaid(drawn(*whole())).splitlines()
    assert lines[:3] == [
        "sequenceDiagram",
        "    participant L0 as node n1",
        "    participant L1 as node n2",
    ]
    assert "    L0->>L1: VXLAN VNI 1, UDP port 50123" in lines


def test_words_of_mermaid_are_text():
    assert escape("end; #x") == "#101;nd#59; #35;x"
    assert escape("sender") == "sender"


def test_svg_says_what_the_text_says():
    root = ElementTree.fromstring(svg(drawn(*whole())))
    assert root.tag == f"{NAMESPACE}svg"
    shown = " ".join(text.text or "" for text in root.iter(f"{NAMESPACE}text"))
    for words in ("+1 us service", "VNI 1", "FDB: 0a:58:ac:12:00:0c", "Delivered:", "node n2"):
        assert words in shown
