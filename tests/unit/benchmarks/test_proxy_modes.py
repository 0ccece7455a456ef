"""That it runs and counts right; what it takes is nobody's promise."""

from benchmarks.proxy_modes import MODES, SIZES, TURNS, measure
from benchmarks.proxy_report import MEASURES


def test_every_mode_and_size_has_every_figure():
    figures = measure(1, sizes=(1, 40))

    assert [figure.name for figure in figures] == list(MEASURES)
    for figure in figures:
        assert tuple(figure.points) == MODES
        for points in figure.points.values():
            assert [point.services for point in points] == [1, 40]
            assert all(len(point.values) == TURNS for point in points)
            assert all(value > 0 for point in points for value in point.values)


def test_the_rules_visited_grow_in_iptables_alone():
    rules = {figure.name: figure for figure in measure(1, sizes=(1, 40))}["rules"]

    medians = {mode: [point.median for point in points] for mode, points in rules.points.items()}
    assert medians == {
        "iptables": [1, 20.5],
        "ipvs": [1, 1],
        "nftables": [1, 1],
        "ebpf": [1, 1],
    }


def test_the_plot_goes_to_five_thousand():
    assert SIZES == (1, 10, 100, 1_000, 5_000)
