"""The pytest plugin: options, the fixture `kubehop_cluster`, traces in the report of failures.

Everything heavy is imported when a test asks for a cluster: pytest starts as fast as without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from pathlib import Path

    from kubehop.testing.cluster import Cluster

_SCOPES = ("session", "package", "module", "class", "function")
_TEXTS = (
    ("nodes", "K", "Worker nodes of a new cluster.  [default: 3]"),
    ("proxy-mode", "MODE", "How they translate Services: iptables, ipvs, nftables or ebpf."),
    ("cni", "NAME", "Policies as this network plugin has them."),
    ("cluster", "NAME", "Use this cluster, which runs already, and let it run."),
    ("scope", "SCOPE", f"How long a new cluster lives: {', '.join(_SCOPES)}.  [default: session]"),
)
_FILES = (
    ("config", "FILE", "A kind Cluster file for a new cluster."),
    ("kubeconfig", "FILE", "Use the cluster of this kubeconfig, and let it run."),
)
_RUNNING = ("cluster", "kubeconfig")
_SHAPE = ("nodes", "config", "proxy-mode", "cni", "policy", "scope")
_POLICY_HELP = "A choice that the NetworkPolicy API leaves open, such as established=keep."
_CLUSTERS = pytest.StashKey[list["Cluster"]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Each option is also one of the ini file: `kubehop_nodes` for `--kubehop-nodes`."""
    group = parser.getgroup("kubehop", "kubehop: an emulated Kubernetes network")
    for name, metavar, told in (*_TEXTS, *_FILES):
        group.addoption(f"--kubehop-{name}", metavar=metavar, help=told)
        parser.addini(_ini(name), told)
    group.addoption(
        "--kubehop-policy",
        action="append",
        metavar="KEY=VALUE",
        help=f"{_POLICY_HELP} Repeatable.",
    )
    parser.addini(_ini("policy"), f"{_POLICY_HELP} One a line.", type="linelist")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_CLUSTERS] = []
    if (scope := _scope("", config)) not in _SCOPES:
        raise pytest.UsageError(f"kubehop's scope: {scope!r} is none of {', '.join(_SCOPES)}")
    running = _given(config, _RUNNING)
    shape = _given(config, _SHAPE)
    if len(running) > 1:
        raise pytest.UsageError(f"{' and '.join(running)} exclude each other")
    if running and shape:
        raise pytest.UsageError(f"{shape[0]} is about a new cluster, {running[0]} names one")


def _given(config: pytest.Config, names: Iterable[str]) -> list[str]:
    """Those of the options that are on the command line."""
    options = (f"--kubehop-{name}" for name in names)
    return [option for option in options if config.getoption(option)]


def _ini(name: str) -> str:
    return f"kubehop_{name.replace('-', '_')}"


def _text(config: pytest.Config, name: str) -> str | None:
    """What the command line says, else the ini file."""
    found = config.getoption(f"--kubehop-{name}") or config.getini(_ini(name))
    return str(found) if found else None


def _file(config: pytest.Config, name: str) -> Path | None:
    """Relative to where pytest was started, in the ini file to that file."""
    if given := config.getoption(f"--kubehop-{name}"):
        return config.invocation_params.dir / str(given)
    found = config.getini(_ini(name))
    folder = config.inipath.parent if config.inipath else config.rootpath
    return folder / str(found) if found else None


def _scope(fixture_name: str, config: pytest.Config) -> Any:
    return _text(config, "scope") or _SCOPES[0]


@pytest.fixture(scope=_scope)
def kubehop_cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A running cluster, gone after the last test of its scope. See docs/pytest.md."""
    from kubehop.testing.running import Options, running_cluster
    from netcore.model.errors import KubehopError

    config = request.config
    texts = {name: _text(config, name) for name in ("nodes", "cni", "cluster")}
    options = Options(
        **texts,
        proxy_mode=_text(config, "proxy-mode"),
        policy=tuple(config.getoption("--kubehop-policy") or config.getini(_ini("policy"))),
        config=_file(config, "config"),
        kubeconfig=_file(config, "kubeconfig"),
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
    """Requests that failed count until the test's end: its fixtures may have made them."""
    report = yield
    clusters = item.config.stash[_CLUSTERS]
    if report.failed and clusters:
        from kubehop.testing.reporting import sections

        report.sections += sections(call.excinfo.value if call.excinfo else None, clusters)
    if report.when == "teardown":
        for cluster in clusters:
            cluster.take_failures()
    return report
