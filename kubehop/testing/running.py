"""The cluster of a test run: started for it, or one that runs already."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from kubehop.cli.cluster_options import cluster_spec
from kubehop.local.cluster import Wishes, borrowed, running
from kubehop.testing.cluster import Cluster
from netcore.model.errors import ConfigError
from netcore.policy.presets import PRESETS
from netcore.service.modes.registry import PROXY_MODES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_RANDOM_BYTES = 3


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line of pytest says; None: nothing."""

    nodes: int | None = None
    config: str | None = None
    proxy_mode: str | None = None
    cni: str | None = None
    cluster: str | None = None


@contextmanager
def running_cluster(options: Options) -> Iterator[Cluster]:
    """A cluster with a name that no other has, which ends with this process at the latest; or the
    one that is named, which goes on. Raises KubehopError.
    """
    if options.cluster:
        yield Cluster(options.cluster, running(options.cluster).kubeconfig)
        return
    config = Path(options.config) if options.config else None
    spec = cluster_spec(f"pytest-{secrets.token_hex(_RANDOM_BYTES)}", options.nodes, config)
    if options.proxy_mode:
        spec = replace(spec, proxy_mode=_known(options.proxy_mode, PROXY_MODES, "proxy-mode"))
    if options.cni:
        spec = replace(spec, cni=_known(options.cni, PRESETS, "cni"))
    with borrowed(spec, Wishes(), lambda _step: None) as paths:
        yield Cluster(paths.name, paths.kubeconfig)


def _known(value: str, names: Collection[str], option: str) -> str:
    if value not in names:
        raise ConfigError(f"--kubehop-{option}: {value!r} is none of {', '.join(names)}")
    return value
