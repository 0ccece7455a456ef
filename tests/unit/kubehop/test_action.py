"""action.yml: inputs never become a part of a script, and its scripts parse."""

import subprocess
from pathlib import Path

import pytest
import yaml

ACTION = yaml.safe_load((Path(__file__).parents[3] / "action.yml").read_text())
STEPS = ACTION["runs"]["steps"]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step["name"])
def test_a_step_takes_inputs_through_its_environment(step):
    assert "${{" not in step["run"]
    done = subprocess.run(["bash", "-n"], input=step["run"], text=True, capture_output=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_input_is_used():
    used = str([step["env"] for step in STEPS])
    assert [name for name in ACTION["inputs"] if f"inputs.{name} " not in used] == []
