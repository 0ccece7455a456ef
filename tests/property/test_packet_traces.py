"""Traced packets: FROM and TO are parsed or refused, pictures hold whatever names there are."""

import re
from contextlib import suppress
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from kubehop.ends import parse_source, parse_target
from kubehop.tracing.following import Ends, follow
from kubehop.tracing.journey import Sight, journeys
from kubehop.tracing.mermaid import escape, mermaid
from kubehop.tracing.picture import Picture, Step
from kubehop.tracing.svg import svg, xml_text
from netcore.model.errors import ConfigError
from nodeagent.workloads.packet.dns_wire import (
    TYPE_A,
    BadAnswer,
    encode_question,
    parse_answer,
)
from nodeagent.workloads.packet.names import hosts_entries, parse_resolv_conf
from nodeagent.workloads.packet.socket_errors import parse_error
from tests.unit.kubehop.packetlines import SENDING, whole

TEXT = st.text(max_size=60)
ENDS = st.one_of(TEXT, st.text(alphabet="ab:/[].0189-udptcsvn", max_size=24))
STEPS = st.builds(
    Step,
    st.sampled_from(["place", "hop", "drop", "title"]),
    st.integers(0, 1),
    TEXT,
    st.tuples(TEXT, TEXT),
    TEXT,
)
PICTURES = st.builds(
    Picture,
    TEXT,
    st.tuples(TEXT, TEXT),
    st.lists(STEPS, max_size=6).map(tuple),
    TEXT,
    st.booleans(),
)
_LINE = re.compile(
    r"sequenceDiagram|    participant L\d as .*|    Note over L\d(,L\d)?: .*|"
    r"    L\d(->>|-x)L\d: .*"
)


def _refusal(parse, text):
    try:
        parse(text, "default")
    except ConfigError as error:
        return str(error)
    return ""


@given(ENDS, st.sampled_from(["", "TCP", "UDP", "ICMP"]))
def test_any_text_is_parsed_or_refused_in_one_line(text, protocol):
    for parse in (parse_source, lambda *both: parse_target(*both, protocol)):
        assert _refusal(parse, text).isprintable()


@given(PICTURES)
def test_svg_is_well_formed_and_keeps_the_text(found):
    root = ElementTree.fromstring(svg(found))
    shown = "".join("".join(element.itertext()) for element in root.iter())
    for word in xml_text(found.title).split():
        if len(word) < 30:
            assert word in shown


@given(PICTURES)
def test_mermaid_stays_the_same_diagram(found):
    lines = mermaid(found).rstrip("\n").split("\n")
    expected = 1 + len(found.lanes) + 2 + len(found.steps)
    arrows = sum("->>" in line.partition(":")[0] for line in lines)
    assert len(lines) == expected + arrows
    assert all(_LINE.fullmatch(line) for line in lines)


@given(TEXT)
def test_escaped_text_has_only_what_mermaid_takes_as_text(text):
    escaped = escape(text)
    assert re.fullmatch(r"(?:[A-Za-z0-9 .,_/()\[\]+=:>-]|#\d+;)*", escaped)
    assert re.search(r"\bend\b", escaped, re.IGNORECASE) is None
    assert re.sub(r"#(\d+);", lambda code: chr(int(code[1])), escaped) == text


@given(st.permutations(whole()))
def test_the_order_of_the_lines_hides_no_sight(lines):
    sights = [Sight.of(line) for line in lines if line["type"] == "packet"]
    found = follow(sights, [SENDING])
    assert sorted(s.node for s in found.requests) == ["n1", "n2"]
    assert sorted(s.node for s in found.replies) == ["n1", "n2"]
    assert sum(len(way.sights) for way in journeys(found.requests)) == 2


@given(st.builds(Ends, TEXT, TEXT, st.integers(0, 65535), TEXT, st.integers(0, 65535)))
def test_reversed_twice_is_the_same(ends):
    assert ends.reversed.reversed == ends


@given(st.binary(max_size=200), st.integers(0, 65535))
def test_any_datagram_is_an_answer_or_a_bad_one(data, query_id):
    with suppress(BadAnswer):
        parse_answer(data, query_id, TYPE_A)


@given(st.binary(max_size=80))
def test_a_cut_or_foreign_body_behind_a_header_is_no_surprise(body):
    question = encode_question(1, "web.default", TYPE_A)
    with suppress(BadAnswer):
        parse_answer(question[:2] + b"\x81\x80\0\x01\0\x05\0\0\0\0" + body, 1, TYPE_A)


@given(st.text(max_size=300))
def test_any_resolver_file_can_be_read(text):
    found = parse_resolv_conf(text)
    assert len(found.servers) <= 3
    assert all(value > 0 for value in (found.timeout_s, found.attempts))
    assert isinstance(hosts_entries(text, "web"), tuple)


@given(st.binary(max_size=64))
def test_any_control_message_is_an_error_or_none(data):
    parse_error(data)
