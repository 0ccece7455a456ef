from pathlib import Path

import pytest

from kubehop.local.paths import cluster_names, cluster_paths, state_home
from netcore.model.errors import ConfigError


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    return tmp_path


def test_the_state_is_where_xdg_puts_it(home, monkeypatch):
    assert state_home() == home / ".local/state/kubehop"
    monkeypatch.setenv("XDG_STATE_HOME", "/var/x")
    assert state_home() == Path("/var/x/kubehop")
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert state_home() == home / ".local/state/kubehop"


@pytest.mark.parametrize("name", ["a", "kubehop", "shop-2", "a.b", "x" * 40])
def test_names(name):
    assert cluster_paths(name).name == name


@pytest.mark.parametrize("name", ["", "A", "-a", "a-", ".", "..", "a/b", "a b", "x" * 41, "a\n"])
def test_names_that_cannot_be(name):
    with pytest.raises(ConfigError, match="not a cluster name"):
        cluster_paths(name)


def test_only_clusters_are_listed():
    assert cluster_names() == []
    for name in ("two", "one", ".one.lock"):
        (state_home() / name).mkdir(parents=True)

    assert cluster_names() == ["one", "two"]
