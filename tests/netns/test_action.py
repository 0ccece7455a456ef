"""action.yml as a runner has it: its steps, one after the other, with inputs as environment."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from tests.netns.test_local_launcher import Launcher

pytestmark = [pytest.mark.netns, pytest.mark.timeout(500)]

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples/ci"
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
INSTALL, CHECK = ACTION["runs"]["steps"]
_INSTALL_TIMEOUT_S = 300
_CHECK_TIMEOUT_S = 150


class Runner:
    """GitHub's runner, as far as composite actions of shell steps need one."""

    def __init__(self, folder):
        self.temp = folder / "temp"
        self.temp.mkdir()
        self.workspace = folder / "workspace"
        self.workspace.mkdir()
        self.summary = folder / "summary.md"

    def step(self, step, timeout_s, **inputs):
        """Runs it. `inputs` are named as the action names them, with _ for -."""
        values = {name: found.get("default", "") for name, found in ACTION["inputs"].items()}
        values |= {name.replace("_", "-"): value for name, value in inputs.items()}
        values["kubehop"] = inputs.get("kubehop", str(ROOT))
        environment = {
            name: values[text.removeprefix("${{ inputs.").removesuffix(" }}")]
            for name, text in step["env"].items()
        }
        assert step["shell"] == "bash"
        # docs.github.com: workflow syntax, shell `bash`.
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            env={
                **os.environ,
                **environment,
                "RUNNER_TEMP": str(self.temp),
                "GITHUB_STEP_SUMMARY": str(self.summary),
            },
            cwd=self.workspace,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    """One on which the action's first step has installed kubehop out of its own checkout."""
    made = Runner(tmp_path_factory.mktemp("runner"))
    done = made.step(INSTALL, _INSTALL_TIMEOUT_S, python=sys.executable)
    assert done.returncode == 0, done.stderr
    return made


@pytest.fixture
def check(runner):
    def run(**inputs):
        runner.summary.unlink(missing_ok=True)
        done = runner.step(CHECK, _CHECK_TIMEOUT_S, **inputs)
        for work in runner.temp.glob("kubehop-*"):
            launcher = Launcher(work)
            assert not launcher.processes()
            launcher.assert_nothing_left()
        return done

    return run


def shop(*expectations):
    files = "application.yaml", "policies.yaml"
    return {
        "manifests": "".join(f"{EXAMPLE / 'shop' / file}\n" for file in files),
        "expectations": "\n".join(map(str, expectations)),
    }


def test_what_is_as_expected_succeeds(runner, check):
    done = check(
        **shop(EXAMPLE / "expectations.yaml"), proxy_mode="ebpf", cni="cilium", junit="report.xml"
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "7 checked, 7 as expected, 0 not" in done.stdout
    assert runner.summary.read_text().startswith("### kubehop policy check\n\n    ok    ")
    [suite] = ElementTree.parse(runner.workspace / "report.xml").getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("7", "0", "0")


def test_what_is_not_fails_and_the_summary_says_why(runner, check, tmp_path):
    wrong = tmp_path / "with blanks $HOME.yaml"
    text = (EXAMPLE / "expectations.yaml").read_text()
    wrong.write_text(text.replace("verdict: allowed", "verdict: denied"))

    done = check(**shop(EXAMPLE / "expectations.yaml", wrong), nodes="1")

    assert done.returncode == 1, done.stdout + done.stderr
    summary = runner.summary.read_text()
    assert "14 checked, 11 as expected, 3 not" in summary
    assert "    FAIL  deploy/frontend -> svc/api:80" in summary
    assert "expected denied, predicted allowed, observed allowed" in summary


@pytest.mark.parametrize(
    ("manifests", "message"),
    [
        ("$(touch pwned)`touch pwned`\n", "Path '$(touch pwned)`touch pwned`' does not exist"),
        (f"{EXAMPLE}/expectations.yaml", "a PolicyExpectations without metadata.name"),
    ],
)
def test_what_cannot_be_done_is_said_and_is_no_verdict(runner, check, manifests, message):
    inputs = shop(EXAMPLE / "expectations.yaml") | {"manifests": manifests}

    done = check(**inputs, nodes="1")

    assert done.returncode == 2, done.stdout + done.stderr
    assert message in runner.summary.read_text()
    assert not (runner.workspace / "pwned").exists()


def test_the_pytest_plugin_is_installed_too(runner):
    code = "from importlib.metadata import entry_points as e; print(*e(group='pytest11'))"
    python = runner.temp / "kubehop/bin/python"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    assert "kubehop.pytest_plugin" in done.stdout
