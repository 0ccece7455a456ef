"""Endpoints over slices: all of them, once, with few writes."""

import copy

from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.controllers.backends import Backends
from controlplane.controllers.slicing import MAX_ENDPOINTS, owned_slices, plan_slices
from controlplane.controllers.trigger_times import LAST_CHANGE

TEMPLATE = {"metadata": {"generateName": "web-", "namespace": "d", "labels": {"a": "b"}}}
PORTS = (("", "TCP", 80, None),)


def endpoint(number, ready=True):
    return {
        "addresses": [f"10.0.{number // 250}.{number % 250}"],
        "conditions": {"ready": ready},
        "targetRef": {"uid": str(number)},
    }


def group(numbers, ports=PORTS):
    return Backends("IPv4", ports, [endpoint(number) for number in numbers])


def applied(present, plan):
    """The slices after the plan."""
    gone = {s["metadata"]["name"] for s in [*plan.delete, *plan.update]}
    kept = [s for s in present if s["metadata"]["name"] not in gone]
    taken = {s["metadata"]["name"] for s in present}
    fresh = []
    for number, made in enumerate(plan.create):
        name = f"s{len(taken) + number}-{id(made)}"
        fresh.append({**made, "metadata": {**made["metadata"], "name": name}})
    return copy.deepcopy(kept + plan.update + fresh)


def test_a_placeholder_stands_for_nobody():
    plan = plan_slices([Backends("IPv4", ())], [], TEMPLATE)
    assert [s["endpoints"] for s in plan.create] == [[]]
    present = applied([], plan)
    again = plan_slices([Backends("IPv4", ())], present, TEMPLATE)
    assert (again.create, again.update, again.delete) == ([], [], [])


def test_one_change_is_one_write():
    present = applied([], plan_slices([group(range(250))], [], TEMPLATE))
    assert sorted(len(s["endpoints"]) for s in present) == [50, 100, 100]
    changed = group(range(250))
    changed.endpoints[7] = endpoint(7, ready=False)
    plan = plan_slices([changed], present, TEMPLATE)
    assert (len(plan.update), plan.create, plan.delete) == (1, [], [])


def test_changed_ports_rewrite_the_slice_in_place():
    present = applied([], plan_slices([group(range(3))], [], TEMPLATE))
    plan = plan_slices([group(range(3), (("", "TCP", 81, None),))], present, TEMPLATE)
    assert (len(plan.update), plan.create, plan.delete) == (1, [], [])
    assert plan.update[0]["metadata"]["name"] == present[0]["metadata"]["name"]


def test_changed_labels_are_written():
    present = applied([], plan_slices([group([1])], [], TEMPLATE))
    relabelled = {"metadata": {**TEMPLATE["metadata"], "labels": {"a": "c"}}}
    plan = plan_slices([group([1])], present, relabelled)
    assert plan.update[0]["metadata"]["labels"] == {"a": "c"}


def test_changed_hints_are_written():
    present = applied([], plan_slices([group([1, 2])], [], TEMPLATE))
    hinted = group([1, 2])
    hinted.endpoints[0]["hints"] = {"forZones": [{"name": "a"}]}
    plan = plan_slices([hinted], present, TEMPLATE)
    assert [e.get("hints") for e in plan.update[0]["endpoints"]] == [
        {"forZones": [{"name": "a"}]},
        None,
    ]
    back = plan_slices([group([1, 2])], applied(present, plan), TEMPLATE)
    assert [e.get("hints") for e in back.update[0]["endpoints"]] == [None, None]


def test_the_time_of_the_last_change_goes_along_but_is_no_change():
    def at(time):
        annotations = {LAST_CHANGE: time} if time else {}
        return {"metadata": {**TEMPLATE["metadata"], "annotations": annotations}}

    present = applied([], plan_slices([group([1])], [], at("2030-01-01T00:00:00Z")))
    assert present[0]["metadata"]["annotations"] == {LAST_CHANGE: "2030-01-01T00:00:00Z"}
    idle = plan_slices([group([1])], present, at("2030-01-01T00:00:09Z"))
    assert (idle.create, idle.update, idle.delete) == ([], [], [])
    present[0]["metadata"]["annotations"]["mine"] = "kept"
    later = plan_slices([group([1, 2])], present, at("2030-01-01T00:00:10Z"))
    assert later.update[0]["metadata"]["annotations"] == {
        "mine": "kept",
        LAST_CHANGE: "2030-01-01T00:00:10Z",
    }
    unknown = plan_slices([group([1, 2, 3])], applied(present, later), at(""))
    assert unknown.update[0]["metadata"]["annotations"] == {"mine": "kept"}


def test_annotations_of_the_template_are_written():
    present = applied([], plan_slices([group([1])], [], TEMPLATE))
    noted = {"metadata": {**TEMPLATE["metadata"], "annotations": {"note": "x"}}}
    plan = plan_slices([group([1])], present, noted)
    assert plan.update[0]["metadata"]["annotations"] == {"note": "x"}


def test_slices_of_an_owner_before_are_told_apart():
    def owned(uid):
        return {"metadata": {"ownerReferences": [{"uid": uid}]}}

    slices = [owned("old"), owned("new"), {"metadata": {}}]
    mine, others = owned_slices(slices, {"metadata": {"uid": "new"}})
    assert (mine, others) == ([slices[1]], [slices[0], slices[2]])


numbers = st.sets(st.integers(0, 400), max_size=350)


@settings(max_examples=40, deadline=None)
@given(st.lists(numbers, min_size=1, max_size=4))
def test_any_history_ends_with_exactly_the_wanted_endpoints(history):
    present = []
    for wanted in history:
        plan = plan_slices([group(sorted(wanted))], present, TEMPLATE)
        present = applied(present, plan)
        found = [e["targetRef"]["uid"] for s in present for e in s["endpoints"]]
        assert sorted(found) == sorted(map(str, wanted))
        assert all(len(s["endpoints"]) <= MAX_ENDPOINTS for s in present)
        assert present
        idle = plan_slices([group(sorted(wanted))], present, TEMPLATE)
        assert (idle.create, idle.update, idle.delete) == ([], [], [])
