"""What PodDisruptionBudgets allow."""

from datetime import timedelta

import pytest

from controlplane.controllers.disruption_budget import (
    Expectation,
    budget_status,
    expectation,
    failed_status,
    needs_scale,
)
from tests.unit.controlplane.objects import NOW, disruption_budget, pod


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"minAvailable": 2}, Expectation(5, 2)),
        ({"minAvailable": "50%"}, Expectation(7, 4)),
        ({"maxUnavailable": 1}, Expectation(7, 6)),
        ({"maxUnavailable": "30%"}, Expectation(7, 4)),
        ({"maxUnavailable": 9}, Expectation(7, 0)),
        ({}, Expectation(5, 0)),
    ],
)
def test_what_is_expected(spec, expected):
    assert expectation(disruption_budget(**spec), present=5, scale=7) == expected


def test_whether_the_controllers_wish_counts():
    assert needs_scale(disruption_budget(maxUnavailable=1))
    assert needs_scale(disruption_budget(minAvailable="1%"))
    assert not needs_scale(disruption_budget(minAvailable=1))


def status(pods, healthy, budget=None):
    expected = Expectation(len(pods), healthy)
    return budget_status(budget or disruption_budget(), pods, expected, NOW)


def test_healthy_pods_beyond_the_need_may_go():
    gone = pod("d", deletionTimestamp="2030-01-01T12:00:00Z")
    found = status([pod("a"), pod("b"), pod("c", ready=False), gone], 1)
    assert (found["currentHealthy"], found["disruptionsAllowed"]) == (2, 1)
    (condition,) = found["conditions"]
    assert (condition["status"], condition["reason"]) == ("True", "SufficientPods")
    found = status([pod("a")], 2)
    assert found["disruptionsAllowed"] == 0
    assert found["conditions"][0]["reason"] == "InsufficientPods"
    assert status([], 0)["disruptionsAllowed"] == 0


def test_accepted_evictions_count_until_they_show():
    budget = disruption_budget()
    early = (NOW - timedelta(minutes=3)).strftime("%Y-%m-%dT%H:%M:%SZ")
    late = NOW.strftime("%Y-%m-%dT%H:%M:%SZ")
    budget["status"]["disruptedPods"] = {"a": late, "b": early, "gone": late}
    found = status([pod("a"), pod("b")], 1, budget)
    assert found["disruptedPods"] == {"a": late}
    assert found["currentHealthy"] == 1
    assert found["disruptionsAllowed"] == 0


def test_nothing_is_allowed_when_nobody_knows():
    found = failed_status(disruption_budget(), "no idea", NOW)
    assert found["disruptionsAllowed"] == 0
    (condition,) = found["conditions"]
    assert (condition["reason"], condition["message"]) == ("SyncFailed", "no idea")
