from contextlib import contextmanager
from pathlib import Path

import pytest

from kubehop.kubernetes.applying import NotApplied
from kubehop.kubernetes.rollout import NotRolledOut
from kubehop.local.paths import cluster_paths
from kubehop.local.spec import ClusterSpec, NodeSpec, workers
from kubehop.matrix import bringup
from kubehop.matrix.bringup import Plan, check_nodes, cluster_name, run_under
from kubehop.matrix.trial import Finished, Output
from netcore.model.errors import ConfigError
from netcore.model.node import PROXY_MODE_LABEL
from netcore.service.modes.registry import PROXY_MODES

PLAN = Plan(ClusterSpec("matrix", workers("matrix", 2)), ("one", "two"), ("program", "x"), 5.0)
FINISHED = Finished(0, 1.0, Output(), Output())


class World:
    """Everything that a mode is brought up with, and what happened."""

    def __init__(self):
        self.events, self.specs = [], []
        self.environment = None
        self.refusal = self.unready = None

    @contextmanager
    def borrowed(self, spec, wishes, progress):
        assert wishes.merge_into is None
        self.specs.append(spec)
        self.events.append("up")
        try:
            yield cluster_paths(spec.name)
        finally:
            self.events.append("down")

    def close(self):
        self.events.append("closed")

    def apply(self, client, manifests):
        self.events.append(f"applied {len(manifests)}")
        if self.refusal:
            raise self.refusal
        return manifests

    def rollout(self, client, applied, timeout_s):
        assert (applied, timeout_s) == (PLAN.manifests, PLAN.timeout_s)
        if self.unready:
            raise self.unready
        self.events.append("ready")

    def run(self, command, environment):
        self.events.append(f"ran {command}")
        self.environment = environment
        return FINISHED


@pytest.fixture
def world(monkeypatch):
    made = World()
    monkeypatch.setattr(bringup, "borrowed", made.borrowed)
    monkeypatch.setattr(bringup, "load_credentials", lambda path: path)
    monkeypatch.setattr(bringup, "ApiClient", lambda credentials: made)
    monkeypatch.setattr(bringup, "apply_manifests", made.apply)
    monkeypatch.setattr(bringup, "await_rollout", made.rollout)
    monkeypatch.setattr(bringup, "run_command", made.run)
    monkeypatch.setenv("KUBECONFIG", "/the/users/own")
    monkeypatch.setenv("OTHER", "stays")
    return made


def test_the_command_runs_in_a_cluster_of_its_own_that_is_gone_afterwards(world):
    trial = run_under("ipvs", PLAN, lambda step: None)

    assert (trial.mode, trial.finished, trial.problem) == ("ipvs", FINISHED, "")
    assert world.events == ["up", "applied 2", "ready", "closed", "ran ('program', 'x')", "down"]


def test_the_nodes_have_the_same_names_in_every_mode(world):
    for mode in ("ipvs", "ebpf"):
        run_under(mode, PLAN, lambda step: None)

    one, other = world.specs
    assert one.nodes == other.nodes == PLAN.spec.nodes
    assert (one.proxy_mode, other.proxy_mode) == ("ipvs", "ebpf")
    assert one.name != other.name


def test_the_command_learns_the_cluster_and_the_mode(world):
    run_under("ipvs", PLAN, lambda step: None)

    name = world.specs[0].name
    assert world.environment["KUBEHOP_PROXY_MODE"] == "ipvs"
    assert world.environment["KUBEHOP_CLUSTER"] == name
    assert Path(world.environment["KUBECONFIG"]) == cluster_paths(name).kubeconfig
    assert world.environment["OTHER"] == "stays"


def test_what_does_not_become_ready_is_the_modes_problem(world):
    world.unready = NotRolledOut("no pods")

    trial = run_under("ipvs", PLAN, lambda step: None)

    assert (trial.finished, trial.problem) == (None, "no pods")
    assert world.events == ["up", "applied 2", "closed", "down"]


def test_what_no_mode_would_take_ends_all(world):
    world.refusal = NotApplied("Pod a is refused")

    with pytest.raises(NotApplied):
        run_under("ipvs", PLAN, lambda step: None)

    assert world.events[-2:] == ["closed", "down"]


def test_names_are_unique_and_names_of_clusters():
    for mode in PROXY_MODES:
        assert cluster_name(mode) != cluster_name(mode)
        assert cluster_paths(cluster_name(mode)).name.endswith(mode)


def test_a_node_with_a_mode_of_its_own_is_refused():
    check_nodes(PLAN.spec)
    nodes = (NodeSpec("one"), NodeSpec("two", ((PROXY_MODE_LABEL, "ipvs"),)))

    with pytest.raises(ConfigError, match=f"node two has the label {PROXY_MODE_LABEL}"):
        check_nodes(ClusterSpec("matrix", nodes))
