import json

from benchmarks.proxy_report import Figure, Point, as_json, tables

FIGURE = Figure(
    "first-packet",
    {
        "iptables": (Point(1, (2.0, 3.0, 4.0)), Point(5000, (1200.0, 1000.0, 1100.0))),
        "ebpf": (Point(1, (3.0, 3.0, 3.0)), Point(5000, (11.0, 11.0, 11.0))),
    },
)


def test_a_point_has_a_median_and_a_spread():
    point = Point(1, (4.0, 1.0, 2.0, 3.0, 5.0))

    assert point.median == 3.0
    assert point.quartiles == (2.0, 4.0)


def test_ratios_are_to_the_mode_with_the_least():
    assert FIGURE.ratio("iptables", -1) == 100.0
    assert FIGURE.ratio("ebpf", -1) == 1.0
    assert FIGURE.ratio("iptables", 0) == 1.0


def test_people_get_a_table():
    assert tables([FIGURE]).splitlines() == [
        "first-packet: µs to decide the first packet of a flow, by number of Services; "
        "median (quartiles)",
        "                    1                5,000  x least at 5,000",
        "iptables  3 (2.5-3.5)  1,100 (1,050-1,150)               100",
        "ebpf                3                   11                 1",
    ]


def test_programs_get_every_point():
    found = json.loads(json.dumps(as_json([FIGURE])))

    assert len(found) == 4
    assert found[1] == {
        "name": "first-packet",
        "unit": "µs to decide the first packet of a flow",
        "mode": "iptables",
        "services": 5000,
        "median": 1100.0,
        "quartiles": [1050.0, 1150.0],
        "ratio": 100.0,
    }
