"""`kubehop capture` of real packets, read by the real Wireshark and tcpdump."""

import json
import shutil
import subprocess

import pytest

from tests.support.captures import tshark
from tests.support.kubectl import wait_until
from tests.support.local_cluster import KUBEHOP, local_cluster
from tests.support.shop import deploy_shop, pods_of, try_backend

pytestmark = [
    pytest.mark.netns,
    pytest.mark.kubectl,
    pytest.mark.skipif(
        not shutil.which("tshark") or not shutil.which("tcpdump"),
        reason="tshark and tcpdump are needed",
    ),
]
TIMEOUT_S = 60


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with local_cluster("captured", tmp_path_factory.mktemp("cluster"), "--nodes", "2") as running:
        deploy_shop(running.kubectl)
        yield running


@pytest.fixture
def kubectl(cluster):
    return cluster.kubectl


class Running:
    """A capture in the background, which has begun."""

    def __init__(self, cluster, *arguments, stdout=subprocess.DEVNULL):
        self.process = subprocess.Popen(
            [KUBEHOP, "capture", "--name", cluster.name, *arguments],
            env=cluster.environment,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said = self.process.stderr.readline()
        assert self.said.startswith("capturing on"), self.said

    def end(self):
        self.process.terminate()
        return self.outcome()

    def outcome(self):
        _, errors = self.process.communicate(timeout=TIMEOUT_S)
        assert self.process.returncode == 0, self.said + errors
        return errors


@pytest.fixture
def far_apart(kubectl):
    """The frontend, and the backend that is on the other node."""
    (frontend,) = pods_of(kubectl, "frontend").items()
    backends = pods_of(kubectl, "backend").items()
    return frontend, next(each for each in backends if each[1]["node"] != frontend[1]["node"])


def test_every_hop_of_a_request_across_nodes(cluster, kubectl, far_apart, tmp_path):
    (frontend, near), (backend, far) = far_apart
    path = tmp_path / "request.pcapng"
    running = Running(cluster, "-w", str(path), "tcp", "and", "host", near["ip"])
    body = try_backend(kubectl, f"http://{far['ip']}")
    assert body.returncode == 0, body.stderr
    assert ", 0 dropped" in running.end()

    fields = ("frame.interface_name", "frame.packet_flags_direction", "frame.packet_id",
              "frame.comment", "vxlan.vni", "eth.dst")  # fmt: skip
    found = tshark(path, *fields, only="tcp.flags.syn==1 && tcp.flags.ack==0")
    assert [each[:2] for each in found] == [
        (f"pod/default/{frontend}", "0x00000002"),
        (f"{near['node']}/vxlan", "0x00000002"),
        (f"{far['node']}/vxlan", "0x00000001"),
        (f"pod/default/{backend}", "0x00000001"),
    ]
    left, sent, received, came = found
    assert left[2] == sent[2] != received[2] == came[2]
    assert f"FORWARDED into VXLAN to node {far['node']}" in left[3]
    assert f"FORWARDED to pod {far['ip']}" in came[3]
    assert (sent[4], received[4], left[4]) == ("1", "1", "")
    assert "encap: " in sent[3]
    wrong = "ip.checksum.status==0 || tcp.checksum.status==0 || udp.checksum.status==0"
    assert tshark(path, "frame.number", only=f"_ws.malformed || {wrong}") == []
    requests = tshark(
        path, "frame.interface_name", only='tcp.dstport == 80 && frame contains "GET / HTTP"'
    )
    assert len(requests) == 4


def test_the_underlay_is_seen_as_the_kernel_sees_it(cluster, kubectl, far_apart, tmp_path):
    (_, near), (_, far) = far_apart
    ours, kernels = _both_captures(cluster, kubectl, near, far, tmp_path)
    fields = ("ip.src", "ip.dst", "udp.srcport", "udp.dstport", "ip.ttl", "ip.flags.df",
              "vxlan.vni", "tcp.seq_raw", "tcp.ack_raw", "tcp.flags", "tcp.checksum",
              "udp.checksum")  # fmt: skip
    of_pods = f"vxlan && ip.addr=={near['ip']} && ip.addr=={far['ip']} && tcp.port==80"
    on_near = f'{of_pods} && frame.interface_name == "{near["node"]}/vxlan"'
    seen = tshark(ours, *fields, only=on_near)
    assert len(seen) >= 8
    kernel = tshark(kernels, *fields, only=of_pods)
    # A kernel that leaves the outer checksum to its device shows it unfinished.
    assert sorted(_without_last(seen)) == sorted(set(_without_last(kernel)))


def _both_captures(cluster, kubectl, near, far, folder):
    """Our capture of one request, and tcpdump's. On a busy machine tcpdump does not always show
    a connection's last packets: a witness who has not seen all of it is asked about another one.
    """
    for attempt in range(5):
        ours, kernels = folder / f"ours-{attempt}.pcapng", folder / f"kernel-{attempt}.pcap"
        if _is_seen_whole(cluster, kubectl, near, far, ours, kernels):
            return ours, kernels
    raise AssertionError("tcpdump saw none of five connections whole")


def _is_seen_whole(cluster, kubectl, near, far, ours, kernels):
    inside = ["nsenter", f"--net={_namespace(cluster, near['node'])}"]
    tcpdump = subprocess.Popen(
        [*inside, "tcpdump", "--immediate-mode", "-Z", "root", "-U", "-n", "-i", "any",
         "-y", "LINUX_SLL2", "-w", kernels, "udp port 4789"], stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert "listening on any" in _until(tcpdump.stderr, "listening on any")
        link = f"{near['node']}-{far['node']}"
        running = Running(cluster, "link", link, "-w", str(ours), "tcp", "port", "80")
        try:
            assert try_backend(kubectl, f"http://{far['ip']}").returncode == 0
            wait_until(lambda: _is_closed(kernels), "tcpdump shows the end", timeout_s=5.0)
        except AssertionError as late:
            if "tcpdump shows the end" not in str(late):
                raise
            return False
        finally:
            running.end()
    finally:
        tcpdump.terminate()
        tcpdump.communicate(timeout=TIMEOUT_S)
    return True


def _is_closed(path):
    """Whether both ends have finished, and each FIN was acknowledged: in whatever order two CPUs
    have recorded it, and whatever the connection's last segments were joined to.
    """
    fields = ("tcp.srcport", "tcp.flags.fin", "tcp.nxtseq", "tcp.ack")
    try:
        found = tshark(path, *fields, only="vxlan && tcp.port==80")
    except AssertionError:  # the last record is being written
        return False
    ends = {port: int(after) for port, fin, after, _ in found if fin in ("1", "True")}
    return len(ends) == 2 and all(
        any(int(ack or 0) >= after for port, _, _, ack in found if port != own)
        for own, after in ends.items()
    )


def test_a_pipe_into_tcpdump_and_a_count(cluster, kubectl, far_apart):
    (frontend, _), (_, far) = far_apart
    running = Running(cluster, f"pod/{frontend}", "-c", "3", "-w", "-", "tcp port 80",
                      stdout=subprocess.PIPE)  # fmt: skip
    reader = subprocess.Popen(
        ["tcpdump", "-n", "-r", "-"],
        stdin=running.process.stdout,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    running.process.stdout.close()
    running.process.stdout = None
    assert try_backend(kubectl, f"http://{far['ip']}").returncode == 0
    lines, _ = reader.communicate(timeout=TIMEOUT_S)
    assert [line.split("Flags ")[1][:4] for line in lines.splitlines()] == ["[S],", "[S.]", "[.],"]
    assert "3 frames captured, 0 dropped" in running.outcome()


def test_lines_for_people(cluster, kubectl, far_apart):
    (frontend, near), (_, far) = far_apart
    wanted = f"tcp dst port 80 and src host {near['ip']}"
    running = Running(cluster, f"node/{near['node']}", "-c", "2", wanted, stdout=subprocess.PIPE)
    assert try_backend(kubectl, f"http://{far['ip']}").returncode == 0
    wait_until(lambda: running.process.poll() is not None, "two frames were seen")
    left, sent = running.process.stdout.read().splitlines()
    ends = f"{near['ip']}."
    assert f" pod/default/{frontend} Out IP {ends}" in left
    assert f" {near['node']}/vxlan Out IP 172." in sent
    assert f"VXLAN, vni 1: IP {ends}" in sent
    running.outcome()


def test_a_drop_names_its_reason(cluster, kubectl, tmp_path):
    path = tmp_path / "drop.pcapng"
    (frontend,) = pods_of(kubectl, "frontend")
    running = Running(cluster, f"pod/{frontend}", "-w", str(path), "-s", "40", "host 10.244.77.7")
    try_backend(kubectl, "http://10.244.77.7")
    running.end()
    ((comment, kept), *_) = tshark(path, "frame.comment", "frame.cap_len")
    assert kept == "40"
    assert comment.startswith(("DROPPED ", "REJECTED "))
    assert "route: " in comment


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["pod/nobody"], 1, 'pods "nobody" not found'),
        (["node/nobody"], 1, 'nodes "nobody" not found'),
        (["link", "a-b"], 2, "there are captured-worker, captured-worker2"),
        (["port", "http"], 2, "at 'http': expected a port number"),
        (["-w", "/nowhere/x"], 2, "No such file or directory"),
    ],
)
def test_what_cannot_be_captured_says_why(cluster, arguments, code, message):
    done = cluster.run("capture", *arguments)
    assert (done.returncode, message in done.stderr) == (code, True), done.stderr


def _without_last(rows):
    return [tuple(each.split(",")[0] if n == 4 else each for n, each in enumerate(row[:-1]))
            for row in rows]  # fmt: skip


def _until(stream, words):
    line = ""
    while words not in line:
        line = stream.readline()
        assert line
    return line


def _namespace(cluster, node):
    """The network namespace of a node's agent."""
    from pathlib import Path

    wanted = f"--node-name\0{node}\0".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (folder / "cmdline").read_bytes():
                return folder / "ns" / "net"
        except OSError:
            continue
    raise AssertionError(f"no agent of {node} runs for {cluster.name}")


def test_every_hop_of_a_trace_is_found_in_the_file(cluster, kubectl, far_apart, tmp_path):
    """One packet by a Service to the other node and back: what the trace tells, hop by hop, stands
    beside the frames that Wireshark reads.
    """
    (_, near), (backend, far) = far_apart
    path = tmp_path / "trace.pcapng"
    client = "deploy/frontend"
    running = Running(cluster, "-w", str(path), "tcp", "port", "80")
    for _ in range(16):  # until the Service gives it the backend that is far away
        told = cluster.run("trace", client, "svc/backend:80", "-o", "json")
        assert told.returncode == 0, told.stderr
        trace = json.loads(told.stdout)
        if len(trace["results"]) == 2:
            break
    assert ", 0 dropped" in running.end()
    assert [entry["node"] for entry in trace["results"]] == [near["node"], far["node"]]

    port = trace["packet"]["sourcePort"]
    fields = ("frame.interface_name", "frame.comment", "ip.src", "ip.dst", "udp.srcport")
    frames = tshark(path, *fields, only=f"tcp.port=={port}")
    of_pods = {f"pod/default/{name}": place for name, place in
               [*pods_of(kubectl, "frontend").items(), (backend, far)]}  # fmt: skip
    comments: dict[str, str] = {}
    for interface, comment, *_ in frames:
        node = of_pods[interface]["node"] if interface in of_pods else interface.split("/")[0]
        comments[node] = comments.get(node, "") + comment
    hops = 0
    for entry in trace["results"]:
        for seen in entry["observations"]:
            if "stage" in seen:
                hops += 1
                assert f"{seen['stage']}: {seen['why']}" in comments[entry["node"]], seen
            if "outer" in seen:
                outer = seen["outer"]
                place = f"{entry['node']}/vxlan"
                assert any(
                    (frame[0], frame[4]) == (place, str(outer["sourcePort"]))
                    and frame[2].split(",")[0] == outer["source"]
                    and frame[3].split(",")[0] == outer["destination"]
                    for frame in frames
                ), outer
    assert hops >= 12
    # The pod asked the Service's address and is answered by it; the backend never sees that.
    service = kubectl.json("get", "service", "backend")["spec"]["clusterIP"]
    at_client = {pair for frame in frames if frame[0] in of_pods and of_pods[frame[0]] == near
                 for pair in [frame[2:4]]}  # fmt: skip
    assert at_client == {(near["ip"], service), (service, near["ip"])}
    at_backend = {frame[2:4] for frame in frames if frame[0] == f"pod/default/{backend}"}
    assert at_backend == {(near["ip"], far["ip"]), (far["ip"], near["ip"])}
