"""Delays that grow by key."""

from datetime import timedelta

from controlplane.controllers import retry_delays
from controlplane.controllers.retry_delays import RetryDelays
from tests.unit.controlplane.objects import NOW


def at(seconds):
    return NOW + timedelta(seconds=seconds)


def test_each_try_makes_the_next_wait_longer():
    delays = RetryDelays(1.0, 3.0)
    assert delays.wait_s("a", NOW) == 0
    assert delays.wait_s("a", at(0.25)) == 0.75
    assert delays.wait_s("b", at(0.25)) == 0
    assert delays.wait_s("a", at(1)) == 0
    assert delays.wait_s("a", at(2)) == 1
    assert delays.wait_s("a", at(3)) == 0
    assert delays.wait_s("a", at(3)) == 3


def test_a_long_time_without_a_try_is_forgiven():
    delays = RetryDelays(1.0, 3.0)
    delays.wait_s("a", NOW)
    delays.wait_s("a", at(1))
    assert delays.wait_s("a", at(8)) == 0
    assert delays.wait_s("a", at(8)) == 1


def test_the_oldest_of_too_many_are_forgotten(monkeypatch):
    monkeypatch.setattr(retry_delays, "_MAX_KEYS", 2)
    delays = RetryDelays(1.0, 3.0)
    for key in "abc":
        delays.wait_s(key, NOW)
    assert delays.wait_s("a", NOW) == 0
    assert delays.wait_s("c", NOW) == 1
