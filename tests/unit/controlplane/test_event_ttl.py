"""Old events."""

from datetime import timedelta

from controlplane.api.metadata import timestamp
from controlplane.controllers import event_ttl
from tests.unit.controlplane.objects import NOW


def event(name, minutes):
    stamp = timestamp(NOW - timedelta(minutes=minutes))
    return {"metadata": {"name": name, "creationTimestamp": stamp}, "lastTimestamp": stamp}


def names(events):
    return [e["metadata"]["name"] for e in events]


def test_an_hour_is_enough():
    assert names(event_ttl.outlived([event("new", 59), event("old", 61)], NOW)) == ["old"]


def test_a_repeated_event_lives_on():
    again = event("again", 300)
    again["lastTimestamp"] = timestamp(NOW)
    assert event_ttl.outlived([again], NOW) == []


def test_the_oldest_beyond_the_limit_go(monkeypatch):
    monkeypatch.setattr(event_ttl, "MAX_EVENTS", 2)
    events = [event("c", 1), event("a", 3), event("b", 2)]
    assert names(event_ttl.outlived(events, NOW)) == ["a"]
