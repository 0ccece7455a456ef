"""When what slices say became true."""

from controlplane.controllers.trigger_times import TriggerTimes
from tests.unit.controlplane.objects import pod, service

CREATED = "2030-01-01T09:00:00Z"


def made_at(time):
    made = service()
    made["metadata"]["creationTimestamp"] = time
    return made


def turned(name, time):
    made = pod(name)
    made["status"]["conditions"][0]["lastTransitionTime"] = f"2030-01-01T{time}Z"
    return made


def test_at_first_it_is_the_service():
    assert TriggerTimes().changed_at(made_at(CREATED), [turned("a", "10:00:00")]) == CREATED


def test_then_the_earliest_pod_that_turned():
    times = TriggerTimes()
    times.changed_at(made_at(CREATED), [turned("a", "10:00:00")])
    now = [turned("a", "10:00:00"), turned("b", "11:00:05"), turned("c", "11:00:03")]
    assert times.changed_at(made_at(CREATED), now) == "2030-01-01T11:00:03Z"
    assert times.changed_at(made_at(CREATED), now) == "", "nothing has turned since"
    assert times.changed_at(made_at(CREATED), now[1:]) == "", "a pod went: nobody knows when"


def test_a_pod_may_turn_twice_in_a_second():
    times = TriggerTimes()
    unready = pod("a", ready=False)
    times.changed_at(made_at(CREATED), [unready])
    assert times.changed_at(made_at(CREATED), [pod("a")]) == "2030-01-01T11:00:00Z"
    assert times.changed_at(made_at(CREATED), [pod("a")]) == ""


def test_a_service_made_anew_is_a_change():
    times = TriggerTimes()
    times.changed_at(made_at(CREATED), [])
    assert times.changed_at(made_at("2030-01-01T09:30:00Z"), []) == "2030-01-01T09:30:00Z"


def test_what_is_forgotten_begins_anew():
    times = TriggerTimes()
    times.changed_at(made_at(CREATED), [])
    times.forget(("default", "web"))
    assert times.changed_at(made_at(CREATED), []) == CREATED


def test_pods_without_conditions_tell_nothing():
    times = TriggerTimes()
    bare = {"metadata": {"name": "x"}}
    times.changed_at(service(), [bare])
    assert times.changed_at(service(), [bare]) == ""
