"""Flows of foreign bytes: parsers never fail, take bounded time, and give what can be printed."""

import json

from hypothesis import given
from hypothesis import strategies as st

from kubehop.observing.filters import Filters
from kubehop.observing.printers import PRINTERS, Style
from netcore.flow.build import flows_of
from netcore.flow.document import flow_document
from netcore.flow.layer7.dns import parse_dns
from netcore.flow.layer7.http import parse_http
from netcore.model.errors import ConfigError, PacketError
from netcore.packet.packet import parse_packet
from tests.support.cluster import CLIENT_POD, cluster, from_node, from_pod
from tests.support.decider import Decider
from tests.support.frames import tcp
from tests.support.sightings import sighting

QUERY = bytes.fromhex("1234 8180 0001 0002 0000 0000") + b"\x03web\x00\x00\x01\x00\x01"


@given(st.binary(max_size=600) | st.binary(max_size=300).map(lambda rest: QUERY + rest))
def test_dns_is_a_message_or_none(payload):
    found = parse_dns(payload)
    if found is not None:
        assert found.record.query.isprintable()
        assert found.record.query.endswith(".")
        assert all(name.isprintable() for name in found.record.cnames)


@given(
    st.binary(max_size=600)
    | st.binary(max_size=300).map(lambda rest: b"GET /a HTTP/1.1\r\nHost: " + rest)
)
def test_http_is_a_message_or_none(payload):
    found = parse_http(payload)
    if found is not None:
        assert "".join(map(str, found)).isprintable()


@given(
    st.binary(min_size=14, max_size=120) | st.binary(max_size=60).map(lambda tail: tcp() + tail),
    st.sampled_from([from_pod(CLIENT_POD), from_node(2)]),
)
def test_every_packet_has_flows_that_every_printer_prints(frame, ingress):
    try:
        parse_packet(frame)
    except PacketError:
        return
    node = Decider(cluster())
    for flow in flows_of(node.snapshot, sighting(node, frame, ingress)):
        line = json.loads(json.dumps(flow_document(flow, "2026-01-02T03:04:05.000000001Z", "u")))
        for make in PRINTERS.values():
            printer = make(Style(node_name=True))
            shown = [*printer.flow(line), *printer.end()]
            assert shown
            assert all(text.isprintable() for text in shown)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["flow", "IP", "l4", "TCP", "source", "labels", "l7", "http", "event_type", "type",
             "time", "is_reply", "ingress_denied_by", "source_port", "flags", "identity"]
        ),
        inner,
        max_size=5,
    ),
    max_leaves=20,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["flow", "node_name", "time"]), JSON))
def test_whatever_a_file_says_is_printed_and_filtered_without_a_failure(line):
    flow = line.get("flow")
    if not isinstance(flow, dict):
        return
    filters = Filters()
    for name, value in (("ip", "10.0.0.0/8"), ("label", "a=b"), ("http-path", "/"), ("port", "1"),
                        ("tcp-flags", "SYN"), ("identity", "world"), ("pod", "a/b")):  # fmt: skip
        filters.add(name, value)
        filters.show(flow)
    for make in PRINTERS.values():
        printer = make(Style())
        assert [*printer.flow(line), *printer.end()]


_NAMES = ["ip", "port", "label", "identity", "type", "http-status", "http-path"]
_NAMES += ["tcp-flags", "pod", "protocol", "verdict"]


@given(st.sampled_from(_NAMES), st.text(max_size=20))
def test_a_filter_is_made_or_refused_in_one_line(name, value):
    refusals = []
    try:
        Filters().add(name, value)
    except ConfigError as error:
        refusals.append(str(error))
    assert all(text.startswith(f"--{name}: ") and "\n" not in text for text in refusals)
