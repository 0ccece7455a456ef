import json
import os
import re

import click
import pytest

from kubehop.cli import down, main, tables
from netcore.model.errors import ConfigError, KubehopError


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    return tmp_path


def run(*arguments):
    return main.main(list(arguments))


def test_help_names_every_command(capsys):
    assert run("--help") == 0

    shown = capsys.readouterr().out
    for name in main._COMMANDS:
        assert re.search(rf"^  {name}  +\S", shown, re.MULTILINE), name


def test_version(capsys):
    assert run("version") == 0
    assert re.match(r"kubehop \d+\.\d+", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["bogus"], 2, "No such command 'bogus'"),
        (["up", "--bogus"], 2, "No such option"),
        (["up", "--nodes", "0"], 2, "0 nodes: a cluster has 1 to 100 nodes"),
        (["up", "--name", "A"], 2, '"A" is not a cluster name'),
        (["up", "--nodes", "2", "--config", "x"], 2, "exclude each other"),
        (["up", "--config", "/nowhere"], 2, "cannot read /nowhere"),
        (["down", "--name", ".."], 2, "is not a cluster name"),
        (["status"], 1, 'no cluster with the name "kubehop" runs; start one with: kubehop up'),
        (["kubeconfig"], 1, "no cluster with the name"),
        (["capture", "pod/p"], 1, "no cluster with the name"),
        (["capture", "port", "x"], 2, "at 'x': expected a port number"),
        (["trace", "p", "u"], 2, "no cluster with the name"),
        (["node", "n", "dump"], 1, "no cluster with the name"),
        (["node", "n", "dump", "--name", "late"], 1, 'no cluster with the name "late"'),
        (["node", "--name", "early", "n", "dump"], 1, 'no cluster with the name "early"'),
        (["logs", "c"], 1, "no cluster with the name"),
    ],
)
def test_errors_are_one_message_with_a_code(arguments, code, message, capsys, home):
    assert run(*arguments) == code

    shown = capsys.readouterr().err
    assert message in shown
    assert "Traceback" not in shown
    assert not (home / "state").exists()


def test_down_of_nothing_is_no_error(capsys):
    assert run("down") == 0
    assert "nothing to delete" in capsys.readouterr().err


def test_no_clusters_is_no_error(capsys):
    assert run("clusters") == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("bad input"), 2),
        (KubehopError("went wrong"), 1),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
        (click.exceptions.Exit(7), 7),
        (BrokenPipeError(), 1),
    ],
)
def test_every_way_to_fail_has_its_code(error, code, monkeypatch, capfd):
    def fail(name):
        raise error

    monkeypatch.setattr(down, "delete", fail)

    with open(os.devnull, "w") as nobody:
        monkeypatch.setattr("sys.stderr", nobody)
        assert run("down") == code


def test_the_unforeseen_is_reported_in_a_file(monkeypatch, capsys, home):
    def fail(name):
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(down, "delete", fail)

    assert run("down") == 1

    shown = capsys.readouterr().err
    assert "unexpected ZeroDivisionError: oops" in shown
    assert "Traceback" not in shown
    [report] = home.glob("kubehop-error-*.log")
    assert str(report) in shown
    assert "Traceback" in report.read_text()


def test_tables_are_as_wide_as_their_cells(capsys):
    tables.show_table(("NAME", "IP"), [("a", "10.0.0.1"), ("longer", "")])

    assert capsys.readouterr().out == "NAME     IP\na        10.0.0.1\nlonger\n"


def test_a_trace_that_failed_says_so(capsys):
    from kubehop.cli.trace_http import _outcome

    failed = {"exitCode": 1, "stdout": "", "stderr": "no route\n"}
    fine = {"status": 200, "peer": "10.96.0.7:80", "totalMs": 2, "dnsMs": 1, "connectMs": 0.5}

    assert _outcome(failed) == "The request failed: no route"
    assert "HTTP 200 from 10.96.0.7:80" in _outcome({"exitCode": 0, "stdout": json.dumps(fine)})
