import subprocess
import sys
import threading

import pytest

from kubehop.local.locking import Busy, cluster_lock
from kubehop.local.paths import ClusterPaths


@pytest.fixture
def paths(tmp_path):
    return ClusterPaths(tmp_path / "state" / "one")


def test_the_lock_and_its_folder_are_gone_afterwards(paths):
    with cluster_lock(paths):
        assert paths.lock.exists()

    assert not paths.lock.parent.exists()


def test_a_second_command_is_told_that_the_first_is_at_work(paths):
    with (
        cluster_lock(paths),
        pytest.raises(Busy, match="another kubehop command"),
        cluster_lock(paths),
    ):
        pass


def test_another_cluster_has_another_lock(paths, tmp_path):
    other = ClusterPaths(tmp_path / "state" / "two")

    with cluster_lock(paths), cluster_lock(other):
        assert paths.lock.exists()
        assert other.lock.exists()


def test_one_that_waits_gets_it_next(paths):
    entered, leave = threading.Event(), threading.Event()
    order = []

    def first():
        with cluster_lock(paths):
            entered.set()
            leave.wait(10)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    entered.wait(10)
    leave.set()
    with cluster_lock(paths, timeout_s=10):
        order.append("second")
    thread.join()

    assert order == ["first", "second"]


def test_a_dead_holder_holds_nothing(paths):
    code = (
        "import os, sys; from pathlib import Path\n"
        "from kubehop.local.locking import cluster_lock\n"
        "from kubehop.local.paths import ClusterPaths\n"
        f"with cluster_lock(ClusterPaths(Path({str(paths.directory)!r}))): os._exit(0)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert paths.lock.exists()

    with cluster_lock(paths):
        pass

    assert not paths.lock.exists()


def test_a_forked_process_holds_the_lock_too(paths):
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from kubehop.local.locking import cluster_lock\n"
        "from kubehop.local.paths import ClusterPaths\n"
        f"with cluster_lock(ClusterPaths(Path({str(paths.directory)!r}))):\n"
        "    if os.fork(): os._exit(0)\n"
        "    sys.stdin.read()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE)
    process.wait()

    with pytest.raises(Busy), cluster_lock(paths):
        pass
    assert process.stdin
    process.stdin.close()
    with cluster_lock(paths, timeout_s=10):
        pass
