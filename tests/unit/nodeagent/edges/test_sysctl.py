import pytest

from netcore.model.errors import DatapathError
from nodeagent.edges import sysctl


@pytest.fixture
def root(monkeypatch, tmp_path):
    monkeypatch.setattr(sysctl, "_ROOT", tmp_path)
    return tmp_path


def test_only_what_differs_is_written(root):
    (root / "a").write_text("1\n")
    (root / "b").write_text("0\n")
    before = (root / "a").stat().st_mtime_ns
    sysctl.ensure({"a": "1", "b": "1"})
    assert (root / "b").read_text() == "1"
    assert (root / "a").stat().st_mtime_ns == before


def test_a_setting_that_is_not_there_is_named(root):
    with pytest.raises(DatapathError, match=r"net\.ipv6\.conf\.all\.forwarding=1"):
        sysctl.ensure(sysctl.IPV6_HOST_SETTINGS)
