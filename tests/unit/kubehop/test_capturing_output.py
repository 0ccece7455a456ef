import io
import re
import shutil
import time
from collections import Counter

import pytest

from kubehop.capturing.frames import Frame, Place
from kubehop.capturing.output import LineOutput, PcapngOutput
from tests.support.captures import tshark
from tests.support.frames import tcp

POD = Place("worker", "pod/default/web")
UNDERLAY = Place("worker", "vxlan")
OTHER = Place("worker2", "vxlan")
DATA = bytes(tcp())


def frame(place=POD, number=1, comment="FORWARDED to pod 10.244.2.3; route: here [x]; deliver: y"):
    return Frame(place, 1_700_000_000_000_000_000 + number, False, DATA, len(DATA), number, comment)


@pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")
def test_a_file_has_an_interface_for_each_place(tmp_path):
    path = tmp_path / "x.pcapng"
    with path.open("wb") as stream:
        output = PcapngOutput(stream, snap_bytes=96, capture_filter="tcp")
        for each in (frame(), frame(UNDERLAY), frame(OTHER), frame(number=2)):
            output.frame(each)
        output.finish(Counter({POD: 3, Place("worker", "host"): 1}))
    assert tshark(path, "frame.interface_name", "frame.interface_description") == [
        ("pod/default/web", "eth0 of pod default/web on node worker"),
        ("worker/vxlan", "VXLAN underlay of node worker"),
        ("worker2/vxlan", "VXLAN underlay of node worker2"),
        ("pod/default/web", "eth0 of pod default/web on node worker"),
    ]
    assert b"worker/host" in path.read_bytes()


def packet_ids(data):
    return [int.from_bytes(found, "little") for found in re.findall(rb"\x05\0\x08\0(.{8})\0\0\0\0",
                                                                    data, re.DOTALL)]  # fmt: skip


def test_one_packet_has_one_number_on_a_node_and_another_on_the_next():
    stream = io.BytesIO()
    output = PcapngOutput(stream, snap_bytes=96)
    for place in (POD, UNDERLAY, OTHER):
        output.frame(frame(place))
    assert packet_ids(stream.getvalue()) == [1 << 40 | 1, 1 << 40 | 1, 2 << 40 | 1]


def test_a_pipe_gets_each_frame_at_once():
    raw = io.BytesIO()
    stream = io.BufferedWriter(raw)
    output = PcapngOutput(stream, snap_bytes=96, is_pipe=True)
    output.frame(frame())
    assert DATA in raw.getvalue()


def test_an_empty_file_can_be_read(tmp_path):
    stream = io.BytesIO()
    PcapngOutput(stream, snap_bytes=96).finish(Counter())
    assert b"no frame was captured" in stream.getvalue()


@pytest.fixture
def utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("utc")
def test_lines_say_what_was_not_forwarded():
    lines = []
    output = LineOutput(lines.append, 4789)
    output.frame(frame(number=5_000))
    output.frame(frame(UNDERLAY, comment="DROPPED POLICY_DENIED (133); policy: no"))
    output.finish(Counter())
    told = "IP 10.244.1.2.40000 > 10.244.2.3.80: Flags [S], seq 0, win 64240, length 0"
    assert lines == [
        f"22:13:20.000005 pod/default/web Out {told}",
        f"22:13:20.000000 worker/vxlan Out {told} [DROPPED POLICY_DENIED (133)]",
    ]


def test_verbose_lines_say_why():
    lines = []
    LineOutput(lines.append, 4789, verbose=True).frame(frame())
    assert [line.strip() for line in lines[1:]] == [
        "FORWARDED to pod 10.244.2.3",
        "route: here [x]",
        "deliver: y",
    ]
