"""Conditions and small questions."""

from controlplane.controllers.conditions import (
    condition,
    controller_of,
    is_active,
    parse_time,
    with_condition,
)
from tests.unit.controlplane.objects import NOW, owned, pod


def test_only_a_changed_status_moves_the_transition_time():
    old = [{"type": "A", "status": "True", "lastTransitionTime": "2029-01-01T00:00:00Z"},
           {"type": "B", "status": "True"}]  # fmt: skip
    same = with_condition(old, {"type": "A", "status": "True", "reason": "R"}, NOW)
    assert same[0]["lastTransitionTime"] == "2029-01-01T00:00:00Z"
    assert same[0]["reason"] == "R"
    changed = with_condition(old, {"type": "A", "status": "False"}, NOW)
    assert changed[0]["lastTransitionTime"] == "2030-01-01T12:00:00Z"
    assert [c["type"] for c in with_condition(old, {"type": "C", "status": "True"}, NOW)] == [
        "A", "B", "C",
    ]  # fmt: skip


def test_questions():
    assert condition(pod(), "Nothing") is None
    assert controller_of(pod()) is None
    assert controller_of(owned(pod(), "u"))["uid"] == "u"
    assert is_active(pod())
    assert not is_active(pod(phase="Failed"))
    assert parse_time("nonsense") is None
    assert parse_time(None) is None
    assert parse_time("2030-01-01T12:00:00.123456Z").year == 2030
