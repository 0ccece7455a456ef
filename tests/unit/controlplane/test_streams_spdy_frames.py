import struct
import zlib

import pytest

from controlplane.api.streams.spdy.dictionary import DICTIONARY
from controlplane.api.streams.spdy.frames import (
    MAX_FRAME_BYTES,
    Data,
    FrameReader,
    FrameWriter,
    GoAway,
    Ping,
    Reset,
    SpdyError,
    SynStream,
    encode_data,
    encode_goaway,
    encode_ping,
    parse_header_block,
)

RESET = struct.pack(">HHIII", 0x8003, 3, 8, 5, 1)
SETTINGS = struct.pack(">HHII", 0x8003, 4, 4, 0)


def test_the_dictionary_is_the_one_of_the_draft():
    assert len(DICTIONARY) == 1423
    assert zlib.adler32(DICTIONARY) == 0xE3C6A7C2


def sent():
    writer = FrameWriter()
    return [
        (writer.syn_stream(1, {"streamType": "error"}), SynStream(1, {"streamtype": "error"})),
        (
            writer.syn_stream(3, {"streamType": "stdin", "x": ""}, fin=True),
            SynStream(3, {"streamtype": "stdin", "x": ""}, fin=True),
        ),
        (encode_data(3, b"hello"), Data(3, b"hello")),
        (encode_data(3, b"", fin=True), Data(3, b"", fin=True)),
        (encode_ping(0xFFFFFFFF), Ping(0xFFFFFFFF)),
        (RESET, Reset(5)),
        (encode_goaway(3), GoAway()),
        (writer.syn_reply(1), None),
        (SETTINGS, None),
    ]


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_frames_however_they_are_cut(size):
    data = b"".join(encoded for encoded, _ in sent())
    expected = [frame for _, frame in sent() if frame is not None]
    reader = FrameReader()
    found = []
    for start in range(0, len(data), size):
        found += reader.feed(data[start : start + size])
    assert found == expected


def test_replies_keep_the_compression_in_step():
    writer, reader = FrameWriter(), FrameReader()
    reader.feed(writer.syn_reply(1, {"a": "b"}))
    assert reader.feed(writer.syn_stream(2, {"a": "b"})) == [SynStream(2, {"a": "b"})]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (struct.pack(">HHI", 0x8002, 1, 0), "SPDY version 2"),
        (struct.pack(">HHI", 0x8003, 1, 4) + b"\0\0\0\1", "shorter than its fields"),
        (struct.pack(">HHI", 0x8003, 1, 14) + bytes(10) + b"junk", "cannot be decompressed"),
        (struct.pack(">HHI", 0x8003, 6, 0), "shorter than its fields"),
        (struct.pack(">II", 1, MAX_FRAME_BYTES + 1), "at most"),
    ],
)
def test_what_is_no_spdy(data, message):
    with pytest.raises(SpdyError, match=message):
        FrameReader().feed(data)


def test_header_blocks_that_lie():
    with pytest.raises(SpdyError, match="longer than its block"):
        parse_header_block(struct.pack(">II", 1, 100))
    with pytest.raises(SpdyError, match="shorter"):
        parse_header_block(struct.pack(">I", 5))


def test_a_decompression_bomb_is_refused():
    bomb = FrameWriter().syn_stream(1, {"x": "0" * 1_000_000})
    with pytest.raises(SpdyError, match="more than 65536"):
        FrameReader().feed(bomb)
