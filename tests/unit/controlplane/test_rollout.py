"""The arithmetic of rolling updates."""

import pytest

from controlplane.controllers import rollout
from tests.unit.controlplane.objects import replica_set


def deployment(
    replicas=4, surge="25%", unavailable="25%", kind="RollingUpdate", image="new", **spec
):
    strategy = {"type": kind}
    if kind == "RollingUpdate":
        strategy["rollingUpdate"] = {"maxSurge": surge, "maxUnavailable": unavailable}
    template = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "image": image}]},
    }
    return {
        "metadata": {"name": "web", "namespace": "default", "generation": 1},
        "spec": {"replicas": replicas, "strategy": strategy, "template": template, **spec},
    }


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "expected"),
    [
        (4, "25%", "25%", (1, 1)),
        (10, "25%", "25%", (3, 2)),
        (1, "25%", "25%", (1, 0)),
        (3, 0, 1, (0, 1)),
        (3, "0%", "1%", (0, 1)),
        (3, 2, 0, (2, 0)),
        (2, 1, 5, (1, 2)),
    ],
)
def test_surge_and_unavailable(replicas, surge, unavailable, expected):
    assert rollout.surge_and_unavailable(deployment(replicas, surge, unavailable)) == expected


def test_the_hash_label_does_not_make_another_template():
    made = replica_set("new")
    made["spec"]["template"]["metadata"]["labels"][rollout.HASH_LABEL] = "x"
    assert rollout.find_new(deployment(image="new"), [replica_set("old"), made]) is made
    assert rollout.find_new(deployment(image="other"), [made]) is None


def test_revisions():
    old = [
        replica_set("a", annotations={rollout.REVISION: "3"}),
        replica_set("b", annotations={rollout.REVISION: "x"}),
    ]
    assert rollout.next_revision(old) == 4
    assert rollout.next_revision([]) == 1


def run_to_the_end(target, old, new, rounds=50):
    """Steps until nothing moves, with every pod available at once; checks the limits."""
    surge, unavailable = rollout.surge_and_unavailable(target)
    wanted = target["spec"]["replicas"]
    for _ in range(rounds):
        before = [rs["spec"]["replicas"] for rs in [*old, new]]
        new["spec"]["replicas"] = rollout.new_replicas(target, new, old)
        sizes = rollout.old_replicas(target, new, old)
        for rs in old:
            rs["spec"]["replicas"] = sizes[rs["metadata"]["name"]]
        total = sum(rs["spec"]["replicas"] for rs in [*old, new])
        assert total <= max(wanted + surge, sum(before))
        alive = sum(
            min(rs["spec"]["replicas"], rs["status"]["availableReplicas"]) for rs in [*old, new]
        )
        assert alive >= wanted - unavailable
        for rs in [*old, new]:
            rs["status"]["availableReplicas"] = rs["spec"]["replicas"]
        if before == [rs["spec"]["replicas"] for rs in [*old, new]]:
            return
    raise AssertionError("the rollout does not end")


@pytest.mark.parametrize("surge", [0, 1, "25%", "100%"])
@pytest.mark.parametrize("unavailable", [0, 1, "50%"])
@pytest.mark.parametrize("replicas", [1, 4, 10])
def test_a_rollout_ends_within_its_limits(surge, unavailable, replicas):
    if not surge and not unavailable:
        surge = 1
    target = deployment(replicas, surge, unavailable)
    old = [
        replica_set("a", replicas - replicas // 3, replicas - replicas // 3),
        replica_set("b", replicas // 3, replicas // 3, created="2030-01-01T11:00:00Z"),
    ]
    new = replica_set("new", 0, 0)
    run_to_the_end(target, old, new)
    assert [rs["spec"]["replicas"] for rs in old] == [0, 0]
    assert new["spec"]["replicas"] == replicas


def test_unhealthy_old_pods_go_first_even_without_progress():
    target = deployment(4, 1, 1)
    broken = replica_set("a", 4, 2)
    new = replica_set("new", 1, 0)
    assert rollout.old_replicas(target, new, [broken]) == {"a": 3}


def test_scaling_in_the_middle_of_a_rollout_keeps_the_proportions():
    noted = {rollout.DESIRED_REPLICAS: "10", rollout.MAX_REPLICAS: "13"}
    old = replica_set("old", 8, 8, annotations=dict(noted))
    new = replica_set("new", 5, 5, annotations=dict(noted))
    target = deployment(20, 3, 2)
    assert rollout.is_scaling(target, [old, new])
    sizes = rollout.proportional(target, [old, new])
    assert sum(sizes.values()) == 23
    assert sizes["old"] > sizes["new"] > 5
    smaller = rollout.proportional(deployment(5, 1, 1), [old, new])
    assert sum(smaller.values()) == 6
    assert rollout.proportional(deployment(0), [old, new]) == {"old": 0, "new": 0}


def test_history_is_limited():
    old = [replica_set(f"rs{n}", 0, annotations={rollout.REVISION: str(n)}) for n in range(4)]
    gone = rollout.surplus(deployment(revisionHistoryLimit=2), old)
    assert [rs["metadata"]["name"] for rs in gone] == ["rs0", "rs1"]
    old[0]["status"]["replicas"] = 1
    gone = rollout.surplus(deployment(revisionHistoryLimit=3), old)
    assert [rs["metadata"]["name"] for rs in gone] == ["rs1"]
