import pytest

from benchmarks.goals import Measure
from benchmarks.report import Row, Samples, rows_of, table


def samples(**figures):
    found = Samples()
    for way, values in figures.items():
        for value in values:
            found.add(way, {"figure": value})
    return found


def row(kernel=None, kubehop=None, goal=None, at_most=False):
    return Row("figure", "x/s", kernel, kubehop, goal, at_most)


def test_medians_and_their_ratio():
    (found,) = rows_of(
        samples(kernel=[10, 30, 20], kubehop=[5, 4, 90]), {"figure": Measure("x/s", 0.3)}
    )
    assert (found.kernel, found.kubehop, found.ratio) == (20, 5, 0.25)
    assert found.as_json() == {
        "name": "figure",
        "kernel": 20,
        "kubehop": 5,
        "ratio": 0.25,
        "unit": "x/s",
        "goal": 0.3,
        "goal_text": ">= 0.3 x",
        "met": False,
        "rounds": {"kernel": [10, 30, 20], "kubehop": [5, 4, 90]},
    }


def test_a_row_that_was_not_measured_stays_visible():
    (found,) = rows_of(Samples(), {"figure": Measure("x/s", 0.3)})
    assert (found.kernel, found.kubehop, found.ratio, found.met) == (None, None, None, None)
    assert found.as_json()["kubehop"] is None


@pytest.mark.parametrize(
    ("found", "met"),
    [
        (row(100, 30, 0.3), True),
        (row(100, 29, 0.3), False),
        (row(10, 40, 4, at_most=True), True),
        (row(10, 41, 4, at_most=True), False),
        (row(None, 60, 60, at_most=True), True),
        (row(None, 61, 60, at_most=True), False),
        (row(100, 1), None),
        (row(None, None, 60), None),
    ],
)
def test_goals_are_ratios_only_beside_the_kernel(found, met):
    assert found.met is met


def test_no_ratio_to_nothing():
    assert row(0, 5).ratio is None


def test_table_is_aligned():
    lines = table([row(93_887, 17_012, 0.25), row(None, 4.441)]).splitlines()
    assert lines[0].split() == ["row", "kernel", "kubehop", "ratio", "goal", "unit"]
    assert " ".join(lines[1].split()) == "figure 93,887 17,012 0.181 >= 0.25 x missed x/s"
    assert lines[2].split() == ["figure", "-", "4.44", "x/s"]
    assert len({line.index("x/s") for line in lines[1:]}) == 1
