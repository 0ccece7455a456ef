"""The pytest plugin and the action, as users run them: real clusters, real packets."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.local_cluster import KUBEHOP

pytestmark = [pytest.mark.netns]

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples/ci"


def run_pytest(tmp_path, *arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", *arguments],
        cwd=tmp_path,
        env={**os.environ, "KUBECONFIG": str(tmp_path / "kubeconfig"), **environment},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def clusters():
    return subprocess.run([KUBEHOP, "clusters"], capture_output=True, text=True).stdout


def test_the_example_passes_and_leaves_nothing(tmp_path):
    before = clusters()
    done = run_pytest(tmp_path, str(EXAMPLE), "--kubehop-nodes", "2", "-W", "error")
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout
    assert clusters() == before


def test_a_failure_has_its_trace_and_a_function_its_own_cluster(tmp_path):
    (tmp_path / "test_it.py").write_text(
        f"""
import pytest
SHOP = {str(EXAMPLE / "shop")!r}

def test_one(kubehop_cluster):
    kubehop_cluster.apply(SHOP)
    kubehop_cluster.pod("other/intruder").assert_reachable("shop/svc/api:80")

def test_two(kubehop_cluster):
    kubehop_cluster.apply(SHOP)
    kubehop_cluster.delete({str(EXAMPLE / "shop/policies.yaml")!r})
    with pytest.raises(AssertionError, match="reaches"):
        kubehop_cluster.assert_blocked("other/intruder", "shop/svc/api:80")
    assert "ALLOWED" in kubehop_cluster.explain("other/intruder", "shop/svc/api:80")
    assert kubehop_cluster.pod("other/intruder").curl("http://api.shop:81").status == 200
"""
    )
    options = ("--kubehop-nodes", "1", "--kubehop-scope", "function")
    done = run_pytest(tmp_path, *options, "--kubehop-proxy-mode", "nftables")
    assert "2 failed" in done.stdout, done.stdout
    assert "other/intruder does not reach shop/svc/api:80: the packet was dropped" in done.stdout
    assert "[NetworkPolicy shop/api, shop/default-deny]" in done.stdout
    assert "kubehop trace other/intruder api.shop:81" in done.stdout
    assert "the Service has no port 81" in done.stdout


def test_the_action(tmp_path):
    (tmp_path / "kubehop/bin").mkdir(parents=True)
    (tmp_path / "kubehop/bin/kubehop").symlink_to(KUBEHOP)
    script = yaml.safe_load((ROOT / "action.yml").read_text())["runs"]["steps"][-1]["run"]
    summary, report = tmp_path / "summary.md", tmp_path / "junit.xml"

    def act(expectations):
        return subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", script],
            env={
                **os.environ,
                "RUNNER_TEMP": str(tmp_path),
                "GITHUB_STEP_SUMMARY": str(summary),
                "MANIFESTS": f"{EXAMPLE}/shop/application.yaml\n{EXAMPLE}/shop/policies.yaml\n",
                "EXPECTATIONS": f"{expectations}\n",
                "NODES": "2",
                "PROXY_MODE": "ebpf",
                "CNI": "cilium",
                "JUNIT": str(report),
                "NAME": "action-test",
            },
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    done = act(EXAMPLE / "expectations.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "7 checked, 7 as expected, 0 not" in summary.read_text()
    assert 'failures="0"' in report.read_text()
    wrong = tmp_path / "wrong.yaml"
    text = (EXAMPLE / "expectations.yaml").read_text()
    wrong.write_text(text.replace("verdict: allowed", "verdict: denied"))
    assert act(wrong).returncode == 1
    assert "action-test" not in clusters()
