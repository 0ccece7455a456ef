import pytest

from nodeagent.pods.probes import ProbeState, ProbeTiming, named_port


def test_defaults_are_those_of_kubernetes():
    assert ProbeTiming.from_manifest({}) == ProbeTiming(0, 10, 1, 1, 3)
    assert ProbeTiming.from_manifest({"periodSeconds": 2, "failureThreshold": 1}).period_s == 2


def test_thresholds_count_runs_of_equal_results():
    state = ProbeState(ProbeTiming(success_threshold=2, failure_threshold=3))
    results = [True, False, True, True, False, False, True, False, False, False, True, True]
    changes = [state.record(result) for result in results]
    assert [index for index, changed in enumerate(changes) if changed] == [3, 9, 11]
    assert state.passing is True


def test_unknown_until_a_threshold_is_reached():
    state = ProbeState(ProbeTiming())
    assert state.passing is None
    state.record(False)
    assert state.passing is None


def test_named_port():
    container = {"name": "c", "ports": [{"name": "web", "containerPort": 8080}]}
    assert (named_port(container, "web"), named_port(container, 1), named_port(container, "2")) == (
        8080,
        1,
        2,
    )
    with pytest.raises(ValueError, match='"nope"'):
        named_port(container, "nope")
