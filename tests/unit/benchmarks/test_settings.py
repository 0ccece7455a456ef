from pathlib import Path

import pytest

from benchmarks.settings import DEFAULT_OUT, DEFAULT_PLOT, BadSetting, read_settings

KNOWN = ("traffic", "rtt-p50", "rtt-p99")


def test_all_of_it_by_default():
    found = read_settings({}, KNOWN)
    assert (found.rounds, found.seconds) == (3, 5)
    assert (found.out, found.plot) == (DEFAULT_OUT, DEFAULT_PLOT)
    assert found.wants("rtt-p50")


def test_a_quick_look_leaves_the_plot_alone():
    found = read_settings({"BENCH_ONLY": "rtt-p50, rtt-p99", "BENCH_OUT": "/tmp/x.json"}, KNOWN)
    assert found.wants("traffic", "rtt-p99")
    assert not found.wants("traffic")
    assert found.out == Path("/tmp/x.json")
    assert found.plot is None


def test_a_quick_look_is_drawn_where_it_is_asked_for():
    found = read_settings({"BENCH_ONLY": "rtt-p50", "BENCH_PLOT": "/tmp/x.svg"}, KNOWN)
    assert found.plot == Path("/tmp/x.svg")


def test_an_unknown_row_is_refused_with_the_known_ones():
    with pytest.raises(BadSetting, match="no row 'rtt'; rows: traffic, rtt-p50, rtt-p99"):
        read_settings({"BENCH_ONLY": "rtt"}, KNOWN)


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many", "²"])
def test_numbers_are_whole_and_above_zero(text):
    with pytest.raises(BadSetting, match=f"BENCH_ROUNDS: '{text}'"):
        read_settings({"BENCH_ROUNDS": text}, KNOWN)
