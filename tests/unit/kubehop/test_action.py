"""action.yml: inputs never become a part of a script, its scripts parse; examples/ci fits it."""

import subprocess
from pathlib import Path

import pytest
import yaml

from kubehop.kubernetes.manifests import load_manifests
from kubehop.policy.expectations import load_expectations

ROOT = Path(__file__).parents[3]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
EXAMPLE = ROOT / "examples/ci"
STEPS = ACTION["runs"]["steps"]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step["name"])
def test_a_step_takes_inputs_through_its_environment(step):
    assert "${{" not in step["run"]
    done = subprocess.run(["bash", "-n"], input=step["run"], text=True, capture_output=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_input_is_used():
    used = str([step["env"] for step in STEPS])
    assert [name for name in ACTION["inputs"] if f"inputs.{name} " not in used] == []


def test_the_workflow_of_the_example_gives_inputs_that_there_are():
    workflow = yaml.safe_load((EXAMPLE / "workflow.yml").read_text())
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    [used] = [step["with"] for step in steps if step.get("uses", "").startswith("kubehop/")]
    required = {name for name, found in ACTION["inputs"].items() if found.get("required")}
    assert required <= set(used) <= set(ACTION["inputs"])


def test_the_example_is_read():
    expected = load_expectations([EXAMPLE / "expectations.yaml"], "default")
    kinds = {manifest.object["kind"] for manifest in load_manifests([EXAMPLE / "shop"])}
    assert {each.allowed for each in expected} == {True, False}
    assert {"Deployment", "NetworkPolicy", "Namespace", "Service"} <= kinds
