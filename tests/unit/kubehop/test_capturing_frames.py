import pytest

from kubehop.capturing.frames import Frame, Place, frame_of


def test_a_line_is_a_frame():
    line = {
        "type": "frame", "node": "n", "place": "vxlan", "timeUnixNano": 5, "inbound": True,
        "data": "AP8=", "originalLength": 60, "packetId": 7, "comment": "c",
    }  # fmt: skip
    assert frame_of(line) == Frame(Place("n", "vxlan"), 5, True, b"\0\xff", 60, 7, "c")


@pytest.mark.parametrize(
    ("what", "name", "description"),
    [
        ("pod/a/b", "pod/a/b", "eth0 of pod a/b on node n"),
        ("vxlan", "n/vxlan", "VXLAN underlay of node n"),
        ("host", "n/host", "host endpoint of node n"),
    ],
)
def test_places_have_names(what, name, description):
    assert (Place("n", what).name, Place("n", what).description) == (name, description)
