import os
from pathlib import Path

import pytest

from kubehop.local.identity import ProcessIdentity
from kubehop.local.paths import ClusterPaths
from kubehop.local.record import ClusterRecord, load_record, save_record


@pytest.fixture
def paths(tmp_path):
    made = ClusterPaths(tmp_path / "one")
    made.directory.mkdir()
    return made


def test_what_was_saved_is_loaded(paths):
    record = ClusterRecord(ProcessIdentity.of(os.getpid())).with_kubeconfig(Path("/k/config"))

    save_record(paths, record)

    assert load_record(paths) == record
    assert load_record(paths).is_running
    assert os.listdir(paths.directory) == ["cluster.json"]


def test_a_kubeconfig_is_noted_once():
    record = ClusterRecord().with_kubeconfig(Path("/a")).with_kubeconfig(Path("/a"))

    assert record.kubeconfigs == (Path("/a"),)


@pytest.mark.parametrize("text", [None, "", "{", "[]", "{}", '{"supervisor": {"pid": 1}}'])
def test_what_cannot_be_read_is_no_running_cluster(paths, text):
    if text is not None:
        paths.record.write_text(text)

    assert load_record(paths) == ClusterRecord()
    assert not load_record(paths).is_running
