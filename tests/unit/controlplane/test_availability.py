"""When a ready pod counts as available."""

from datetime import timedelta

from controlplane.controllers.availability import is_available, seconds_until_available
from tests.unit.controlplane.objects import NOW, pod


def test_availability_waits_for_min_ready_seconds():
    ready_for_an_hour = pod()
    assert is_available(ready_for_an_hour, 3600, NOW)
    assert not is_available(ready_for_an_hour, 3601, NOW)
    assert is_available(ready_for_an_hour, 3601, NOW + timedelta(seconds=1))
    assert not is_available(pod(ready=False), 0, NOW)


def test_the_next_pod_to_become_available_is_waited_for():
    early, late = pod("early"), pod("late")
    late["status"]["conditions"][0]["lastTransitionTime"] = "2030-01-01T11:59:00Z"
    unready = pod("unready", ready=False)
    ending = pod("ending", deletionTimestamp="2030-01-01T12:00:00Z")
    assert seconds_until_available([early, late, unready, ending], 3700, NOW) == 100
    assert seconds_until_available([early, unready, ending], 3600, NOW) is None
