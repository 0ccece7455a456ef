"""Whatever the bytes and however they are cut: frames or SpdyError."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from controlplane.api.streams.spdy.frames import (
    Data,
    FrameReader,
    FrameWriter,
    SpdyError,
    SynStream,
    encode_data,
    parse_header_block,
)

STREAMS = st.integers(1, 0x7FFFFFFF)
HEADERS = st.dictionaries(
    st.text(st.characters(codec="latin-1"), max_size=8)
    .map(str.lower)
    .filter(lambda name: all(ord(c) < 256 for c in name) and name.lower() == name),
    st.text(st.characters(codec="latin-1"), max_size=20),
    max_size=4,
)


@given(st.lists(st.binary()))
def test_any_bytes(parts):
    reader = FrameReader()
    with contextlib.suppress(SpdyError):
        for part in parts:
            reader.feed(part)


@given(st.integers(0, 10), st.integers(0, 255), st.binary(max_size=64))
def test_any_control_frame(kind, flags, payload):
    head = (0x8003).to_bytes(2, "big") + kind.to_bytes(2, "big") + bytes((flags,))
    with contextlib.suppress(SpdyError):
        FrameReader().feed(head + len(payload).to_bytes(3, "big") + payload)


@given(st.binary())
def test_any_header_block(plain):
    with contextlib.suppress(SpdyError):
        parse_header_block(plain)


@given(st.lists(st.tuples(STREAMS, HEADERS, st.binary(), st.booleans())), st.integers(1, 50))
def test_what_is_written_is_read(items, size):
    writer, reader = FrameWriter(), FrameReader()
    sent, expected, found = b"", [], []
    for stream, headers, data, fin in items:
        sent += writer.syn_stream(stream, headers, fin=fin) + encode_data(stream, data, fin=fin)
        expected += [SynStream(stream, headers, fin), Data(stream, data, fin)]
    for start in range(0, len(sent), size):
        found += reader.feed(sent[start : start + size])
    assert found == expected
