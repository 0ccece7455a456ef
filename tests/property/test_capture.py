"""Filters and pcapng against whatever may come."""

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netcore.capture.expression import (
    KINDS,
    And,
    Direction,
    Kind,
    Net,
    Not,
    Or,
    Ports,
    layers_of,
)
from netcore.capture.filter import parse_filter
from netcore.capture.line import line
from netcore.capture.pcapng import (
    CapturedPacket,
    enhanced_packet,
    interface_description,
    interface_statistics,
    section_header,
)
from netcore.model.errors import ConfigError

words = st.sampled_from(
    ["tcp", "udp", "host", "port", "net", "src", "dst", "and", "or", "not", "(", ")", "&&", "||",
     "!", "80", "10.0.0.1", "10.0.0.0/8", "fd00::1", "portrange", "1-2", "arp", "x", "&", "-"]
)  # fmt: skip
directions = st.sampled_from(Direction)
ip_words = st.sampled_from(["", "ip", "ip6", "arp"])
port_words = st.sampled_from(["", "tcp", "udp", "sctp"])
networks = st.ip_addresses().flatmap(
    lambda ip: st.integers(0, ip.max_prefixlen).map(lambda length: _network(ip, length))
)
ports = st.tuples(st.integers(0, 65535), st.integers(0, 65535)).map(sorted)
expressions = st.recursive(
    st.sampled_from(sorted(KINDS)).map(Kind)
    | st.builds(Net, networks, directions, ip_words)
    | st.builds(lambda pair, direction, word: Ports(*pair, direction, word),
                ports, directions, port_words),
    lambda inner: st.one_of(
        st.builds(Not, inner), st.builds(And, inner, inner), st.builds(Or, inner, inner)
    ),
    max_leaves=8,
)  # fmt: skip


def _network(ip, length):
    from ipaddress import ip_network

    return ip_network((ip, length), strict=False)


@given(st.text(max_size=60) | st.lists(words, max_size=20).map(" ".join))
def test_any_text_is_a_filter_or_a_config_error(text):
    with suppress(ConfigError):
        found = parse_filter(text)
        assert found is None or found.matches(()) in (True, False)


@given(expressions, st.binary(max_size=120))
def test_an_expression_survives_its_text_and_any_frame(expression, data):
    again = parse_filter(str(expression))
    assert again == expression
    layers = layers_of(data, 4789)
    assert Not(expression).matches(layers) is not expression.matches(layers)


@given(st.binary(max_size=200), st.integers(0, 65535), st.integers(0, 70_000))
def test_any_frame_has_a_line(data, port, more):
    assert line(data, port, len(data) + more)
    assert "\n" not in line(data, port)


u64 = st.integers(0, 2**64 - 1)
packets = st.builds(
    CapturedPacket,
    st.integers(0, 2**32 - 1),
    u64,
    st.binary(max_size=50),
    st.integers(0, 2**32 - 1),
    st.booleans(),
    st.text(max_size=50),
    u64,
)


@given(
    st.text(max_size=30), st.text(max_size=30), st.text(max_size=30),
    st.lists(packets, max_size=5), st.tuples(u64, u64, u64),
)  # fmt: skip
def test_blocks_follow_each_other_whatever_they_hold(name, description, wanted, found, figures):
    data = section_header(name) + interface_description(name, description, capture_filter=wanted)
    data += b"".join(map(enhanced_packet, found)) + interface_statistics(0, *figures)
    kinds = []
    while data:
        kind, size = struct.unpack_from("<II", data)
        assert size % 4 == 0
        assert struct.unpack_from("<I", data, size - 4) == (size,)
        kinds.append(kind)
        data = data[size:]
    assert kinds == [0x0A0D0D0A, 1, *[6] * len(found), 5]


@pytest.mark.parametrize("text", ["port 80", "host 10.0.0.1"])
def test_the_generated_texts_are_filters(text):
    assert parse_filter(text) is not None
