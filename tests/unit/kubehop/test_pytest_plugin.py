"""The plugin without a cluster: options, scopes, what a report has."""

import subprocess
import sys
from importlib.metadata import entry_points

import pytest

# Loaded here, or every pytest inside would do it anew.
import kubehop.testing.running  # noqa: F401
from kubehop import pytest_plugin

pytest_plugins = ["pytester"]

FAKE = """
import contextlib
import json
import pytest
from kubehop.testing import running
from kubehop.testing.connection import ConnectionFailed
from netcore.model.errors import KubehopError

class Fake:
    number = 0
    def __init__(self):
        Fake.number += 1
        self.number = Fake.number
        self.failures = []
    def take_failures(self):
        found, self.failures = self.failures, []
        return found
    def trace_request(self, sender, url):
        from types import SimpleNamespace
        if sender.name == "gone":
            raise KubehopError("the pod is gone")
        return SimpleNamespace(text=f"hops of {sender.name} to {url}")
    def fail(self, name, url):
        from types import SimpleNamespace
        self.failures.append((SimpleNamespace(name=name), url))

@contextlib.contextmanager
def fake(options):
    print("options:", options)
    yield Fake()

@pytest.fixture(scope="session", autouse=True)
def fakes():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "running_cluster", fake)
        yield
"""


@pytest.fixture
def run(pytester, monkeypatch):
    """Tests in a pytest of their own, with clusters that are none and no other plugins."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run_tests(body, *options, conftest=FAKE):
        if conftest:
            pytester.makeconftest(conftest)
        pytester.makepyfile(body)
        plugins = ("-p", "kubehop.pytest_plugin", "-p", "no:cacheprovider")
        return pytester.runpytest(*plugins, *options)

    return run_tests


def test_the_trace_of_a_failed_assertion_is_in_the_report(run):
    result = run(
        """
        from kubehop.testing import ConnectionFailed
        def test_one(kubehop_cluster):
            kubehop_cluster.fail("a", "http://b")
            raise ConnectionFailed("a does not reach b", "every hop", "every rule")
        """
    )
    result.stdout.fnmatch_lines(
        ["*ConnectionFailed: a does not reach b", "*- kubehop trace -*", "every hop",
         "*- kubehop policy explain -*", "every rule"]
    )  # fmt: skip
    result.stdout.no_fnmatch_line("*hops of a to*")


def test_a_failed_request_is_traced_if_its_test_fails(run):
    result = run(
        """
        def test_passes(kubehop_cluster):
            kubehop_cluster.fail("x", "http://y")
        def test_fails(kubehop_cluster):
            kubehop_cluster.fail("a", "http://b")
            kubehop_cluster.fail("gone", "http://b")
            assert False
        def test_fails_otherwise(kubehop_cluster):
            assert False
        """
    )
    result.stdout.fnmatch_lines(
        ["*- kubehop trace a http://b -*", "hops of a to http://b",
         "*- kubehop trace gone http://b -*", "not to be had: the pod is gone"]
    )  # fmt: skip
    result.stdout.no_fnmatch_line("*hops of x*")
    assert result.stdout.str().count("hops of a") == 1
    result.assert_outcomes(passed=1, failed=2)


def test_what_a_fixture_asked_for_belongs_to_the_test(run):
    result = run(
        """
        import pytest
        @pytest.fixture
        def answer(kubehop_cluster):
            kubehop_cluster.fail("a", "http://b")
        @pytest.fixture
        def broken(kubehop_cluster):
            kubehop_cluster.fail("c", "http://d")
            raise AssertionError
        def test_fails(answer):
            assert False
        def test_has_no_answer(broken): pass
        """
    )
    result.stdout.fnmatch_lines(["hops of c to http://d", "hops of a to http://b"])
    result.assert_outcomes(failed=1, errors=1)


SCOPED = """
def test_one(kubehop_cluster): assert kubehop_cluster.number == 1
def test_two(kubehop_cluster): assert kubehop_cluster.number == {}
"""


@pytest.mark.parametrize(
    ("options", "second"),
    [
        ([], 1),
        (["--kubehop-scope", "function"], 2),
        (["-o", "kubehop_scope=function"], 2),
        (["-o", "kubehop_scope=function", "--kubehop-scope", "module"], 1),
    ],
)
def test_a_cluster_lives_as_long_as_its_scope(run, options, second):
    run(SCOPED.format(second), *options).assert_outcomes(passed=2)


def test_options_come_from_the_command_line_else_from_the_ini_file(pytester, run):
    result = run(
        "def test_one(kubehop_cluster): assert False",
        *("-o", "kubehop_nodes=2", "-o", "kubehop_cni=calico", "-o", "kubehop_policy=deny=reject"),
        *("-o", "kubehop_kubeconfig=config", "-o", "kubehop_proxy_mode=ebpf"),
        *("--kubehop-nodes", "4", "--kubehop-config", "sub/../kind.yaml"),
    )
    told = next(line for line in result.outlines if line.startswith("options:"))
    assert "nodes='4'" in told
    assert "cni='calico'" in told
    assert "proxy_mode='ebpf'" in told
    assert "policy=('deny=reject',)" in told
    assert f"config={pytester.path / 'sub/../kind.yaml'!r}" in told
    assert f"kubeconfig={pytester.path / 'config'!r}" in told


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--kubehop-scope", "galaxy"], "scope: 'galaxy' is none of session, package"),
        (["-o", "kubehop_scope=galaxy"], "scope: 'galaxy' is none of session, package"),
        (["--kubehop-cluster", "a", "--kubehop-kubeconfig", "b"], "exclude each other"),
        (["--kubehop-cluster", "a", "--kubehop-nodes", "3"], "--kubehop-nodes is about a new"),
    ],
)
def test_wrong_usage_is_said_before_anything_runs(run, options, message):
    result = run("def test_one(kubehop_cluster): pass", *options)
    assert message in result.stdout.str() + result.stderr.str()
    assert "Traceback" not in result.stdout.str() + result.stderr.str()
    assert result.ret == pytest.ExitCode.USAGE_ERROR


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--kubehop-proxy-mode", "magic"], "--kubehop-proxy-mode: 'magic' is none of iptables"),
        (["--kubehop-cluster", "none-there"], 'no cluster with the name "none-there" runs'),
    ],
)
def test_a_cluster_that_cannot_be_had_is_one_line(run, options, message):
    result = run("def test_one(kubehop_cluster): pass", *options, conftest="")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"kubehop: {message}*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_who_does_not_use_it_pays_nothing():
    code = (
        "import sys, kubehop.pytest_plugin; "
        "ours = ('kubehop.testing', 'netcore', 'aiohttp', 'yaml', 'grpc', 'numpy'); "
        "print([name for name in ours if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_it_is_there_when_kubehop_is_installed():
    [found] = entry_points(group="pytest11", name="kubehop")
    assert found.load() is pytest_plugin
