"""`make bench`, as short as it can be: figures of both ways, and nothing left behind."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.tools import TOOLS, MissingTool, check_tools
from tests.support.kubectl import wait_until

pytestmark = [pytest.mark.netns, pytest.mark.kubectl]

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "benchmarks")


@pytest.fixture(autouse=True)
def _tools(monkeypatch):
    monkeypatch.setenv("PATH", os.environ["PATH"])  # check_tools adds to it
    try:
        check_tools()
    except MissingTool as error:
        pytest.fail(str(error)) if os.environ.get("CI") else pytest.skip(str(error))


@pytest.fixture
def environment(tmp_path):
    settings = {"BENCH_ROUNDS": "1", "BENCH_SECONDS": "1", "BENCH_OUT": str(tmp_path / "out.json")}
    state = tmp_path / "state"
    return {**os.environ, **settings, "XDG_STATE_HOME": str(state), "TMPDIR": str(tmp_path)}


def left_behind(tmp_path):
    """Processes that were started with this test's environment: the command lines."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(tmp_path).encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes())
        except OSError:
            continue
    return found


def test_a_quick_look(environment, tmp_path):
    environment["BENCH_ONLY"] = "tcp-cross-1,http-close,rtt-p50,dns-first"
    done = subprocess.run(
        COMMAND, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "out.json").read_text())
    rows = {row["name"]: row for row in found["rows"]}
    assert list(rows) == ["tcp-cross-1", "http-close", "rtt-p50", "dns-first"]
    assert rows.pop("dns-first")["kernel"] is None
    for row in rows.values():
        assert row["ratio"] == pytest.approx(row["kubehop"] / row["kernel"], rel=0.01)
        assert row["goal"]
    assert found["machine"]["cores"] >= 1
    assert left_behind(tmp_path) == []


def test_the_proxy_modes(environment, tmp_path):
    environment["BENCH_ONLY"] = "proxy-modes"
    done = subprocess.run(
        COMMAND, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["rows"] == []
    modes = {(row["mode"], row["services"]) for row in found["proxy_modes"]}
    assert modes >= {(mode, 5000) for mode in ("iptables", "ipvs", "nftables", "ebpf")}
    assert "first-packet: " in done.stdout


def test_an_interrupted_run_leaves_nothing(environment, tmp_path):
    environment["BENCH_ONLY"], environment["BENCH_SECONDS"] = "tcp-cross-1", "60"
    with subprocess.Popen(
        COMMAND, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
    ) as bench:
        assert bench.stderr is not None
        while "traffic" not in (line := bench.stderr.readline()):
            assert line, "it ended before it measured"
        bench.send_signal(signal.SIGINT)
        assert "interrupted" in bench.stderr.read()
        assert bench.wait(30) == 130
    # A server that had just begun to start is ended by the kernel, after its parent's end.
    wait_until(lambda: not left_behind(tmp_path), "all processes have ended")


def test_a_missing_tool_is_named_with_its_package(environment, tmp_path):
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in {*TOOLS} - {"wrk", "nginx"}:
        (folder / name).symlink_to(shutil.which(name) or "/nowhere")
    program = (
        "import sys; from benchmarks import tools; from benchmarks.__main__ import main; "
        "tools._SBIN = (); sys.exit(main())"
    )
    done = subprocess.run(
        (sys.executable, "-c", program),
        cwd=ROOT,
        env={**environment, "PATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "bench: no wrk, nginx here: on Debian, apt-get install nginx-light wrk\n"
    )
