import contextlib
import re
from pathlib import Path

import pytest

from kubehop.local.paths import ClusterPaths
from kubehop.testing import running
from kubehop.testing.running import Options, new_name, running_cluster, wanted
from netcore.model.errors import ConfigError

KIND = """
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
name: theirs
nodes: [{role: control-plane}, {role: worker}]
"""


@pytest.fixture(autouse=True)
def clusters(monkeypatch):
    """What is started, named, and left running."""
    seen = []
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)

    @contextlib.contextmanager
    def borrowed(spec, wishes, progress):
        progress("a step that nobody sees")
        seen.append(f"start {len(spec.nodes)}")
        yield ClusterPaths(Path("/state") / spec.name)
        seen.append("end")

    def cluster(name, kubeconfig, outside=()):
        return name, str(kubeconfig), bool(outside)

    monkeypatch.setattr(running, "borrowed", borrowed)
    monkeypatch.setattr(running, "Cluster", cluster)
    monkeypatch.setattr(running, "running", lambda name: ClusterPaths(Path("/state") / name))
    return seen


def test_a_new_cluster_ends_with_the_body(clusters):
    with running_cluster(Options(nodes="2")) as (name, kubeconfig, has_outside):
        assert clusters == ["start 2"]
        assert re.fullmatch(r"pytest-[0-9a-f]{8}", name)
        assert kubeconfig == f"/state/{name}/kubeconfig"
        assert has_outside
    assert clusters == ["start 2", "end"]


def test_a_cluster_that_runs_goes_on(clusters):
    with running_cluster(Options(cluster="mine")) as found:
        assert found == ("mine", "/state/mine/kubeconfig", True)
    with running_cluster(Options(kubeconfig=Path("/docker/kubeconfig"))) as found:
        assert found == ("kubeconfig", "/docker/kubeconfig", False)
    assert clusters == []


def test_each_worker_of_xdist_has_names_of_its_own(monkeypatch):
    names = {new_name() for _ in range(20)}
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw3")
    assert len(names) == 20
    assert re.fullmatch(r"pytest-gw3-[0-9a-f]{8}", new_name())


def test_the_shape_is_what_the_options_say(tmp_path):
    options = Options(proxy_mode="ebpf", cni="cilium", policy=("deny=reject",))
    spec = wanted(options, "n")
    assert (len(spec.nodes), spec.proxy_mode, spec.cni) == (3, "ebpf", "cilium")
    assert spec.policy == ("deny=reject",)
    file = tmp_path / "kind.yaml"
    file.write_text(KIND)
    spec = wanted(Options(config=file), "n")
    assert (spec.name, len(spec.nodes)) == ("n", 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Options(proxy_mode="magic"), "--kubehop-proxy-mode: 'magic' is none of iptables"),
        (Options(cni="magic"), "--kubehop-cni: 'magic' is none of kubehop"),
        (Options(policy=("magic=1",)), "--kubehop-policy: .*magic"),
        (Options(nodes="many"), "--kubehop-nodes: 'many' is not a number"),
        (Options(nodes="-1"), "--kubehop-nodes: '-1' is not a number"),
        (Options(nodes="0"), "a cluster has 1 to 100 nodes"),
        (Options(nodes="9" * 5000), "a cluster has 1 to 100 nodes"),
        (Options(config=Path("/nowhere")), "cannot read /nowhere"),
        (Options(config=Path("/nowhere"), nodes="2"), "exclude each other"),
    ],
)
def test_what_cannot_be_is_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        wanted(options, "n")
