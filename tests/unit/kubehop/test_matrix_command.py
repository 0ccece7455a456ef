import json
import signal

import pytest

from kubehop.cli import main
from kubehop.cli.matrix import parse_modes
from kubehop.matrix import bringup
from kubehop.matrix.trial import Trial
from netcore.model.errors import ConfigError, KubehopError
from tests.unit.kubehop.test_matrix_comparison import ran

MANIFEST = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n"


@pytest.fixture
def manifest(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    path = tmp_path / "pod.yaml"
    path.write_text(MANIFEST)
    return str(path)


@pytest.fixture
def tried(monkeypatch):
    """The (mode, plan) pairs that were tried; `trials` says what becomes of a mode."""

    class Tried(list):
        trials = {}

        def __call__(self, mode, plan, progress):
            self.append((mode, plan))
            progress("a step")
            found = self.trials.get(mode, ran(mode, "x\n"))
            if isinstance(found, BaseException):
                raise found
            return found

    made = Tried()
    monkeypatch.setattr(bringup, "run_under", made)
    return made


def run(*arguments):
    return main.main(["matrix", *arguments])


def test_all_modes_agree(manifest, tried, capsys):
    assert run("-f", manifest, "--", "true", "-x", "--y") == 0

    shown = capsys.readouterr()
    assert [mode for mode, _ in tried] == ["iptables", "ipvs", "nftables", "ebpf"]
    assert tried[0][1].command == ("true", "-x", "--y")
    assert "iptables   0           1.0 s   first\n" in shown.out
    assert "alike under iptables, ipvs, nftables and ebpf." in shown.out
    assert "Proxy mode nftables ..." in shown.err


def test_one_that_differs_is_exit_code_1(manifest, tried, capsys):
    tried.trials = {"ebpf": ran("ebpf", "y\n")}

    assert run("-f", manifest, "--proxy-mode", "ipvs,ebpf", "true") == 1

    assert "-x\n+y\n\nebpf differs from ipvs.\n" in capsys.readouterr().out


def test_one_that_is_not_ready_is_exit_code_1_and_the_others_are_tried(manifest, tried, capsys):
    tried.trials = {"iptables": Trial("iptables", problem="no pods")}

    assert run("-f", manifest, "--", "true") == 1

    assert len(tried) == 4
    assert "\niptables: no pods\n" in capsys.readouterr().out


def test_failing_alike_is_agreement_only_where_it_is_allowed(manifest, tried):
    tried.trials = {mode: ran(mode, code=7) for mode in ("ipvs", "ebpf")}
    arguments = ("-f", manifest, "--proxy-mode", "ipvs,ebpf")

    assert run(*arguments, "--", "false") == 1
    assert run(*arguments, "--allow-failure", "--", "false") == 0


def test_the_options_for_the_cluster(manifest, tried):
    options = ("--nodes", "1", "--timeout", "5", "--ipvs-scheduler", "lc", "--lb-algorithm")

    assert (
        run("-f", manifest, "-f", manifest, "--proxy-mode", "ipvs", *options, "maglev", "ls") == 0
    )

    [(_, plan)] = tried
    assert [node.name for node in plan.spec.nodes] == ["matrix-worker"]
    assert (plan.spec.ipvs_scheduler, plan.spec.lb_algorithm) == ("lc", "maglev")
    assert (plan.timeout_s, len(plan.manifests)) == (5.0, 2)


def test_a_kind_file_gives_the_nodes_and_their_names(manifest, tried, tmp_path):
    config = tmp_path / "kind.yaml"
    config.write_text("kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nname: ours\n")

    assert run("-f", manifest, "--config", str(config), "--proxy-mode", "ipvs", "ls") == 0

    assert [node.name for node in tried[0][1].spec.nodes] == ["ours-control-plane"]


@pytest.mark.parametrize("option", [("--only-exit-code",), ("--mask", "[xy]")])
def test_the_options_for_comparing(option, manifest, tried):
    tried.trials = {"ebpf": ran("ebpf", "y\n")}
    arguments = ("-f", manifest, "--proxy-mode", "ipvs,ebpf")

    assert run(*arguments, "ls") == 1
    assert run(*arguments, *option, "ls") == 0


def test_lines_in_another_order(manifest, tried):
    tried.trials = {"ipvs": ran("ipvs", "x\ny\n"), "ebpf": ran("ebpf", "y\nx\n")}

    assert run("-f", manifest, "--proxy-mode", "ipvs,ebpf", "--ignore-order", "ls") == 0


def test_json(manifest, tried, capsys):
    assert run("-f", manifest, "--proxy-mode", "ipvs", "-o", "json", "--", "true") == 0

    found = json.loads(capsys.readouterr().out)
    assert found["agree"] is True
    assert found["command"] == ["true"]
    assert [mode["mode"] for mode in found["modes"]] == ["ipvs"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-f", "FILE"], "Missing argument '-- COMMAND...'"),
        (["--", "true"], "Missing option '-f'"),
        (["-f", "FILE", "--proxy-mode", "ipvs,x", "true"], '--proxy-mode: "x": there is iptables'),
        (["-f", "FILE", "--proxy-mode", "", "true"], '--proxy-mode: "": there is iptables'),
        (["-f", "FILE", "--proxy-mode", "ipvs, ipvs", "true"], "ipvs is there twice"),
        (["-f", "/nowhere", "true"], "cannot read /nowhere: No such file"),
        (["-f", "FILE", "nosuchprogram"], "cannot run nosuchprogram: there is no such program"),
        (["-f", "FILE", "--mask", "(", "true"], "--mask: '(' is not a regular expression"),
        (["-f", "FILE", "--nodes", "0", "true"], "a cluster has 1 to 100 nodes"),
        (["-f", "FILE", "--config", "/nowhere", "true"], "cannot read /nowhere"),
        (["-f", "FILE", "--timeout", "-1", "true"], "--timeout"),
    ],
)
def test_wrong_usage_starts_nothing(arguments, message, manifest, tried, capsys):
    assert run(*(manifest if word == "FILE" else word for word in arguments)) == 2

    shown = capsys.readouterr().err
    assert message in shown
    assert "Traceback" not in shown
    assert tried == []


def test_what_ends_all_is_one_message(manifest, tried, capsys):
    tried.trials = {"ipvs": KubehopError("no rights")}

    assert run("-f", manifest, "--proxy-mode", "ipvs,ebpf", "true") == 1

    assert "kubehop: no rights" in capsys.readouterr().err
    assert len(tried) == 1


def test_sigterm_ends_it_as_ctrl_c_does(manifest, tried, monkeypatch):
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(
        bringup, "run_under", lambda *arguments: signal.raise_signal(signal.SIGTERM)
    )

    with pytest.raises(SystemExit) as ended:
        run("-f", manifest, "true")

    assert ended.value.code == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before


def test_modes_may_stand_apart():
    assert parse_modes("ipvs, ebpf") == ("ipvs", "ebpf")
    with pytest.raises(ConfigError):
        parse_modes("ipvs,,ebpf")
