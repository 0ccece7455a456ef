"""What a DaemonSet does next."""

from controlplane.controllers.daemon_steps import (
    View,
    daemon_set_status,
    limits,
    manage,
    roll,
)
from tests.unit.controlplane.objects import NOW, daemon_set, node, pod

NODES = [node(name) for name in ("n1", "n2", "n3")]


def member(on, revision="new", name="", **extra):
    return pod(
        name or f"{revision}-{on}",
        on,
        labels={"app": "web", "controller-revision-hash": revision},
        **extra,
    )


def ending(on, revision="new"):
    return member(on, revision, deletionTimestamp="2030-01-01T12:00:00Z")


def view(pods, nodes=NODES, surge=0, unavailable=1, **spec):
    rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
    strategy = {"type": "RollingUpdate", "rollingUpdate": rolling}
    return View(daemon_set(updateStrategy=strategy, **spec), "new", nodes, pods, NOW)


def names(pods):
    return [p["metadata"]["name"] for p in pods]


def test_every_node_gets_one():
    assert manage(view([])).create == ["n1", "n2", "n3"]
    assert manage(view([member("n1"), ending("n2")])).create == ["n3"]


def test_of_two_on_a_node_the_older_stays():
    younger = member("n1", name="younger", creationTimestamp="2030-01-01T11:00:00Z")
    assert names(manage(view([member("n1"), younger], NODES[:1])).delete) == ["younger"]


def test_a_node_that_is_no_longer_meant_loses_its_pod():
    tainted = node("n1", taints=[{"key": "mine", "effect": "NoExecute"}])
    assert names(manage(view([member("n1")], [tainted])).delete) == ["new-n1"]
    assert manage(view([ending("n1")], [tainted])).delete == []
    full = node("n1", taints=[{"key": "mine", "effect": "NoSchedule"}])
    assert manage(view([member("n1")], [full])).delete == []


def test_pods_that_have_ended_are_made_anew():
    steps = manage(view([member("n1", phase="Failed")], NODES[:1]))
    assert names(steps.failed) == ["new-n1"]
    assert steps.create == steps.delete == []


def test_limits_of_percentages_are_rounded_up():
    assert limits(view([], unavailable="40%")) == (0, 2)
    assert limits(view([], surge="40%", unavailable=0)) == (2, 0)
    assert limits(view([], surge="0%", unavailable="0%")) == (0, 1)


def test_replacing_takes_the_unavailable_and_then_so_many():
    old = [member(name, "old") for name in ("n1", "n2", "n3")]
    assert names(roll(view(old)).delete) == ["old-n1"]
    assert names(roll(view(old, unavailable=2)).delete) == ["old-n1", "old-n2"]
    broken = member("n2", "old", ready=False)
    assert names(roll(view([old[0], broken, old[2]])).delete) == ["old-n2"]
    assert roll(view([ending("n1", "old"), *old[1:]])).delete == []
    assert roll(view([member("n1", ready=False), *old[1:]])).delete == []
    assert names(roll(view([member("n1"), *old[1:]])).delete) == ["old-n2"]
    assert roll(view(old[1:])).delete == []


def test_surging_adds_first_and_takes_away_when_the_new_one_is_available():
    old = [member(name, "old") for name in ("n1", "n2", "n3")]
    surging = {"surge": 1, "unavailable": 0}
    assert roll(view(old, **surging)).create == ["n1"]
    both = [*old, member("n1", ready=False)]
    assert roll(view(both, **surging)) == roll(view([], **surging))
    done = [*old, member("n1")]
    assert names(roll(view(done, **surging)).delete) == ["old-n1"]
    assert names(manage(view(done, **surging)).delete) == ["old-n1"]
    broken = [member("n1", "old", ready=False), *old[1:]]
    assert roll(view(broken, **surging)).create == ["n1", "n2"]


def test_surging_keeps_one_of_each_kind():
    pods = [member("n1", "old", name=f"old-{n}") for n in "ab"]
    pods += [member("n1", ready=False, name=f"new-{n}") for n in "ab"]
    steps = manage(view(pods, NODES[:1], surge=1, unavailable=0))
    assert sorted(names(steps.delete)) == ["new-b", "old-b"]


def test_status():
    nodes = [*NODES, node("n4", taints=[{"key": "mine", "effect": "NoSchedule"}])]
    pods = [member("n1"), member("n2", "old"), member("n3", ready=False), member("n4")]
    assert daemon_set_status(view(pods, nodes)) == {
        "currentNumberScheduled": 3,
        "desiredNumberScheduled": 3,
        "numberMisscheduled": 1,
        "numberReady": 2,
        "observedGeneration": 1,
        "updatedNumberScheduled": 2,
        "numberAvailable": 2,
        "numberUnavailable": 1,
    }
