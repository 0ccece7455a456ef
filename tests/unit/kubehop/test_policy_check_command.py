"""`kubehop policy check`: what is no verdict has exit code 2, and one line."""

import pytest

from kubehop.cli import main, policy_check
from netcore.model.errors import KubehopError

GOOD = """
apiVersion: kubehop.dev/v1alpha1
kind: PolicyExpectations
expectations:
- {from: a, to: b, verdict: denied}
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    made = tmp_path / "expectations.yaml"
    made.write_text(GOOD)
    return made


def run(*arguments):
    return main.main(["policy", "check", *map(str, arguments)])


def test_without_a_cluster_nothing_is_checked(file, capsys):
    assert run("-f", file) == 2
    assert "kubehop: no cluster with the name" in capsys.readouterr().err


def test_bad_expectations_are_seen_first(file, capsys):
    file.write_text(GOOD.replace("denied", "maybe"))
    assert run("-f", file) == 2
    assert f"{file}: expectations[0]" in capsys.readouterr().err


def test_a_cluster_that_refuses_is_no_verdict(file, capsys, monkeypatch):
    def refuse(*arguments):
        raise KubehopError("Pod x (x.yaml) is refused: no")

    monkeypatch.setattr(policy_check, "_checked", refuse)
    assert run("-f", file) == 2
    assert capsys.readouterr().err == "kubehop: Pod x (x.yaml) is refused: no\n"


def test_a_report_that_cannot_be_written_is_said(file, capsys, monkeypatch):
    monkeypatch.setattr(policy_check, "_checked", lambda *arguments: [])
    assert run("-f", file, "--junit", file / "below") == 2
    assert f"cannot write {file / 'below'}: " in capsys.readouterr().err
