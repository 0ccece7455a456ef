"""StatefulSets and DaemonSets come to rest, whatever they start from, and never overdo it."""

from hypothesis import given
from hypothesis import strategies as st

from controlplane.controllers.daemon_pods import new_pod, target_node
from controlplane.controllers.daemon_steps import View, limits, manage, roll
from controlplane.controllers.stateful_pods import identity_labels, ordinal_of, revision_of
from controlplane.controllers.stateful_steps import Planner, Revisions, revision_for
from tests.unit.controlplane.objects import NOW, daemon_set, node, pod, stateful_set

OLD, NEW = ({"metadata": {"name": name}} for name in ("db-old", "db-new"))
BOTH = Revisions(OLD, NEW)
_ROUNDS = 60


def member(ordinal, revision, state="ready"):
    name = f"db-{ordinal}"
    labels = {
        "app": "web",
        "controller-revision-hash": revision,
        **identity_labels(name, ordinal),
    }
    made = pod(name, labels=labels, ready=state == "ready")
    if state == "failed":
        made["status"]["phase"] = "Failed"
    if state == "ending":
        made["metadata"]["deletionTimestamp"] = "2030-01-01T12:00:00Z"
    return made


STATES = st.sampled_from(("ready", "ending", "failed"))
MEMBERS = st.dictionaries(
    st.integers(0, 6), st.tuples(st.sampled_from(("db-old", "db-new")), STATES), max_size=7
)


@given(MEMBERS, st.integers(0, 5), st.integers(0, 6), st.booleans(), st.integers(0, 2))
def test_a_stateful_set_comes_to_rest(members, replicas, partition, parallel, start):
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": partition}}
    wanted = stateful_set(
        "db",
        replicas=replicas,
        updateStrategy=strategy,
        ordinals={"start": start},
        podManagementPolicy="Parallel" if parallel else "OrderedReady",
    )
    # As in Kubernetes, an ordered set that has two unwell pods too many waits for its user.
    pods = {
        n: member(n, revision, state if parallel or start <= n < start + replicas else "ready")
        for n, (revision, state) in members.items()
    }
    for _ in range(_ROUNDS):
        # What was told to go has gone, what was made is ready, before the next look.
        pods = {n: p for n, p in pods.items() if "deletionTimestamp" not in p["metadata"]}
        steps = Planner(wanted, BOTH, list(pods.values()), NOW).steps()
        changed = (*steps.create, *steps.delete, *steps.scale_down)
        if not changed:
            break
        if not parallel:
            assert len(changed) == 1
        assert len(steps.delete) <= 1 or parallel
        for each in (*steps.delete, *steps.scale_down):
            each["metadata"]["deletionTimestamp"] = "2030-01-01T12:00:00Z"
        for ordinal in steps.create:
            assert ordinal not in pods
            revision = revision_for(wanted, BOTH, ordinal)["metadata"]["name"]
            pods[ordinal] = member(ordinal, revision)
    else:
        raise AssertionError("it never comes to rest")
    assert sorted(ordinal_of(wanted, p) for p in pods.values()) == [*range(start, start + replicas)]
    for ordinal, each in pods.items():
        if ordinal >= start + partition:
            assert revision_of(each) == "db-new"


AMOUNTS = st.one_of(st.integers(1, 4), st.sampled_from(("10%", "50%", "100%")))
DAEMONS = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from(("old", "new")), STATES), max_size=10
)


@given(DAEMONS, st.integers(1, 6), AMOUNTS, st.booleans())
def test_a_daemon_set_comes_to_rest(placed, count, amount, surges):
    amounts = {"maxSurge": amount, "maxUnavailable": 0} if surges else {
        "maxSurge": 0, "maxUnavailable": amount}  # fmt: skip
    owner = daemon_set(updateStrategy={"type": "RollingUpdate", "rollingUpdate": amounts})
    nodes = [node(f"n{n}") for n in range(count)]
    pods = [daemon(number, f"n{n}", *how) for number, (n, *how) in enumerate(placed)]
    serial = len(pods)
    for _ in range(_ROUNDS):
        pods = [p for p in pods if "deletionTimestamp" not in p["metadata"]]
        before = available(pods, nodes)
        moved = False
        for plan in (manage, roll):
            view = View(owner, "new", nodes, pods, NOW)
            steps = plan(view)
            doomed = [*steps.delete, *steps.failed]
            for each in doomed:
                each["metadata"]["deletionTimestamp"] = "2030-01-01T12:00:00Z"
            for name in steps.create:
                serial += 1
                pods = [*pods, daemon(serial, name, "new", "ready")]
            moved = moved or bool(doomed or steps.create)
        if not moved:
            break
        _, unavailable = limits(View(owner, "new", nodes, pods, NOW))
        lost = before - available(pods, nodes)
        assert lost <= unavailable
    else:
        raise AssertionError("it never comes to rest")
    here = [p for p in pods if target_node(p) in {n["metadata"]["name"] for n in nodes}]
    assert sorted(target_node(p) for p in here) == sorted(n["metadata"]["name"] for n in nodes)
    assert all(p["metadata"]["labels"]["controller-revision-hash"] == "new" for p in here)


def daemon(number, name, revision, state):
    made = new_pod(daemon_set(), name, revision)
    about = {"name": f"p{number:03}", "labels": made["metadata"]["labels"]}
    found = pod(about["name"], name, ready=state == "ready", labels=about["labels"])
    if state == "failed":
        found["status"]["phase"] = "Failed"
    if state == "ending":
        found["metadata"]["deletionTimestamp"] = "2030-01-01T12:00:00Z"
    return found


def available(pods, nodes):
    """Nodes with a pod that is ready and stays."""
    names = {n["metadata"]["name"] for n in nodes}
    return len(
        {
            target_node(p)
            for p in pods
            if "deletionTimestamp" not in p["metadata"]
            and p["status"]["conditions"][0]["status"] == "True"
            and p["status"]["phase"] == "Running"
            and target_node(p) in names
        }
    )
