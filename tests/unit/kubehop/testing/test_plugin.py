"""The plugin without a cluster: options, scopes, what a report has."""

import subprocess
import sys

import pytest

pytest_plugins = ["pytester"]

INI = "[pytest]\nasyncio_default_fixture_loop_scope = function\n"


@pytest.fixture(autouse=True)
def settings(pytester):
    pytester.makeini(INI)


FAKE = """
import pytest
from kubehop.testing.connection import ConnectionFailed

class Fake:
    def __init__(self): self.failures = []
    def take_failures(self):
        found, self.failures = self.failures, []
        return found
    def trace(self, source, target):
        from types import SimpleNamespace
        return SimpleNamespace(text=f"hops of {source} to {target}")

@pytest.fixture
def cluster(request):
    from kubehop import pytest_plugin as plugin
    fake = Fake()
    request.config.stash[plugin._CLUSTERS].append(fake)
    yield fake
    request.config.stash[plugin._CLUSTERS].remove(fake)
"""


def test_the_trace_of_a_failed_assertion_is_in_the_report(pytester):
    pytester.makeconftest(FAKE)
    pytester.makepyfile(
        """
        from kubehop.testing.connection import ConnectionFailed
        def test_one(cluster):
            cluster.failures.append(("a", "b:80"))
            raise ConnectionFailed("a does not reach b", "every hop")
        """
    )
    result = pytester.runpytest("-p", "no:randomly", "-p", "no:cacheprovider")
    result.stdout.fnmatch_lines(["*ConnectionFailed: a does not reach b", "*kubehop trace*",
                                 "every hop"])  # fmt: skip
    result.stdout.no_fnmatch_line("*hops of a to b*")


def test_a_failed_request_is_traced_if_the_test_fails(pytester):
    pytester.makeconftest(FAKE)
    pytester.makepyfile(
        """
        def test_passes(cluster):
            cluster.failures.append(("x", "y:80"))
        def test_fails(cluster):
            cluster.failures.append(("a", "b:80"))
            assert False
        """
    )
    result = pytester.runpytest("-p", "no:cacheprovider")
    result.stdout.fnmatch_lines(["*kubehop trace a b:80*", "hops of a to b:80"])
    result.stdout.no_fnmatch_line("*hops of x to y*")
    result.assert_outcomes(passed=1, failed=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--kubehop-proxy-mode", "magic"], "--kubehop-proxy-mode: 'magic' is none of iptables"),
        (["--kubehop-cni", "magic"], "--kubehop-cni: 'magic' is none of kubehop"),
        (["--kubehop-cluster", "none-there"], 'no cluster with the name "none-there" runs'),
        (["--kubehop-config", "/nowhere"], "/nowhere"),
    ],
)
def test_a_cluster_that_cannot_be_had_is_one_line(pytester, options, message):
    pytester.makepyfile("def test_one(kubehop_cluster): pass")
    result = pytester.runpytest("-p", "no:cacheprovider", *options)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*kubehop: *{message.replace('[', '[[]')}*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_scope_that_there_is_not(pytester):
    pytester.makeini(f"{INI}kubehop_scope = galaxy\n")
    pytester.makepyfile("def test_one(kubehop_cluster): pass")
    result = pytester.runpytest("-p", "no:cacheprovider")
    assert "'galaxy' is none of session, package" in result.stdout.str() + result.stderr.str()


def test_who_does_not_use_it_pays_nothing():
    code = (
        "import sys, kubehop.pytest_plugin; "
        "print([name for name in ('aiohttp', 'yaml', 'grpc', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
