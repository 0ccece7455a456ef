"""The cluster of a test run: started for it, or one that runs already."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kubehop.cli.cluster_options import cluster_spec
from kubehop.local.cluster import Wishes, borrowed, running
from kubehop.local.outside import outside_command
from kubehop.testing.cluster import Cluster
from netcore.model.errors import ConfigError
from netcore.model.policy_settings import PolicySettings
from netcore.policy.presets import PRESETS, with_choices
from netcore.service.modes.registry import PROXY_MODES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from kubehop.local.spec import ClusterSpec

_RANDOM_BYTES = 4
_XDIST_WORKER = "PYTEST_XDIST_WORKER"


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line and the ini file of pytest say; None or empty: nothing.

    `cluster` and `kubeconfig` name a cluster that runs; the others are the shape of a new one.
    """

    nodes: str | None = None
    config: Path | None = None
    proxy_mode: str | None = None
    cni: str | None = None
    policy: tuple[str, ...] = ()
    cluster: str | None = None
    kubeconfig: Path | None = None


@contextmanager
def running_cluster(options: Options) -> Iterator[Cluster]:
    """A cluster with a name that no other has, which ends with this process at the latest; or the
    one that is named, which goes on. Raises KubehopError.
    """
    if options.cluster:
        paths = running(options.cluster)
        yield Cluster(options.cluster, paths.kubeconfig, outside_command(options.cluster))
    elif options.kubeconfig:
        yield Cluster(options.kubeconfig.name, options.kubeconfig)
    else:
        spec = wanted(options, new_name())
        with borrowed(spec, Wishes(), lambda _step: None) as paths:
            yield Cluster(paths.name, paths.kubeconfig, outside_command(paths.name))


def new_name() -> str:
    """`pytest-1f2e3d4c`, with pytest-xdist `pytest-gw0-1f2e3d4c`."""
    worker = os.environ.get(_XDIST_WORKER, "")
    return "-".join(filter(None, ("pytest", worker, secrets.token_hex(_RANDOM_BYTES))))


def wanted(options: Options, name: str) -> ClusterSpec:
    """The cluster that the options describe. Raises ConfigError naming the option."""
    spec = cluster_spec(name, _number(options.nodes), options.config)
    if options.proxy_mode:
        spec = replace(spec, proxy_mode=_known(options.proxy_mode, PROXY_MODES, "proxy-mode"))
    if options.cni:
        spec = replace(spec, cni=_known(options.cni, PRESETS, "cni"))
    try:
        with_choices(PolicySettings(), options.policy)
    except ConfigError as error:
        raise ConfigError(f"--kubehop-policy: {error}") from None
    return replace(spec, policy=options.policy)


def _number(text: str | None) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise ConfigError(f"--kubehop-nodes: {text!r} is not a number of nodes")
    return int(text[:6])


def _known(value: str, names: Collection[str], option: str) -> str:
    if value not in names:
        raise ConfigError(f"--kubehop-{option}: {value!r} is none of {', '.join(names)}")
    return value
