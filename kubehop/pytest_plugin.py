"""The pytest plugin: options, the fixture `kubehop_cluster`, traces in the report of failures.

Everything heavy is imported when a test asks for a cluster: pytest starts as fast as without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from kubehop.testing.cluster import Cluster

_SCOPES = ("session", "package", "module", "class", "function")
_SCOPE = "kubehop_scope"
_CLUSTERS = pytest.StashKey[list["Cluster"]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("kubehop", "kubehop: an emulated Kubernetes network")
    group.addoption("--kubehop-nodes", type=int, metavar="K", help="Worker nodes.")
    group.addoption("--kubehop-config", metavar="FILE", help="A kind Cluster file.")
    group.addoption(
        "--kubehop-proxy-mode", metavar="MODE", help="iptables, ipvs, nftables or ebpf."
    )
    group.addoption("--kubehop-cni", metavar="NAME", help="Policies as this plugin has them.")
    group.addoption(
        "--kubehop-cluster",
        metavar="NAME",
        help="Use this cluster, which runs already, and let it run.",
    )
    group.addoption(
        "--kubehop-scope",
        choices=_SCOPES,
        help="How long a cluster lives.  [default: the ini option's, or session]",
    )
    parser.addini(_SCOPE, "How long a cluster of kubehop_cluster lives.", default="session")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_CLUSTERS] = []


def _scope(fixture_name: str, config: pytest.Config) -> Any:
    chosen = config.getoption("--kubehop-scope") or config.getini(_SCOPE)
    if chosen not in _SCOPES:
        raise pytest.UsageError(f"{_SCOPE}: {chosen!r} is none of {', '.join(_SCOPES)}")
    return chosen


@pytest.fixture(scope=_scope)
def kubehop_cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A running cluster, gone after the last test of its scope. See docs/pytest.md."""
    from kubehop.testing.running import Options, running_cluster
    from netcore.model.errors import KubehopError

    config = request.config
    options = Options(
        nodes=config.getoption("--kubehop-nodes"),
        config=config.getoption("--kubehop-config"),
        proxy_mode=config.getoption("--kubehop-proxy-mode"),
        cni=config.getoption("--kubehop-cni"),
        cluster=config.getoption("--kubehop-cluster"),
    )
    clusters = config.stash[_CLUSTERS]
    try:
        with running_cluster(options) as cluster:
            clusters.append(cluster)
            yield cluster
            clusters.remove(cluster)
    except KubehopError as error:
        pytest.fail(f"kubehop: {error}", pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call":
        clusters = item.config.stash[_CLUSTERS]
        if report.failed:
            error = call.excinfo.value if call.excinfo else None
            for cluster in clusters:
                report.sections += _sections(cluster, error)
        for cluster in clusters:
            cluster.take_failures()
    return report


def _sections(cluster: Cluster, error: BaseException | None) -> Iterator[tuple[str, str]]:
    """The traces of what failed: of the assertion, else of the requests."""
    from kubehop.testing.connection import ConnectionFailed

    if isinstance(error, ConnectionFailed):
        yield "kubehop trace", error.trace
        return
    for source, target in cluster.take_failures():
        yield f"kubehop trace {source} {target}", _trace(cluster, source, target)


def _trace(cluster: Cluster, source: str, target: str) -> str:
    from netcore.model.errors import KubehopError

    try:
        return cluster.trace(source, target).text
    except KubehopError as error:
        return f"not to be had: {error}"
