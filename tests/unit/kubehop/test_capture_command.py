"""`kubehop capture` against a server that gives what a test wrote."""

import json
import re

import pytest

from kubehop.cli.main import main
from tests.support.frames import tcp
from tests.unit.kubehop.apiserver import Certificates, api_server

FRAME = {
    "type": "frame", "node": "worker", "place": "pod/default/web", "timeUnixNano": 10**18,
    "inbound": False, "data": "", "originalLength": 54, "packetId": 1,
    "comment": "DROPPED POLICY_DENIED (133); policy: no",
}  # fmt: skip
STARTED = {"type": "started", "nodes": ["worker"], "vxlanPort": 4789}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def server(certificates):
    with api_server(certificates) as made:
        yield made


@pytest.fixture
def capture(server, certificates, tmp_path):
    file = tmp_path / "kubeconfig"
    file.write_text(certificates.kubeconfig(server.url))

    def run(*arguments):
        return main(["capture", "--kubeconfig", str(file), *arguments])

    return run


def answer(*lines):
    import base64

    data = base64.b64encode(bytes(tcp())).decode()
    full = [{**line, "data": data} if line["type"] == "frame" else line for line in lines]
    return 200, "".join(json.dumps(line) + "\n" for line in full).encode()


def test_lines_and_what_was_lost(capture, server, capsys):
    server.answers = [
        answer(
            STARTED,
            FRAME,
            {"type": "alive"},
            {"type": "dropped", "node": "worker", "place": "host", "frames": 3},
            {"type": "warning", "node": "worker2", "message": "it is away"},
        )
    ]
    assert capture("pod/web", "tcp", "port", "80", "-s", "96", "--timeout", "2", "-n", "shop") == 0
    told = capsys.readouterr()
    (line,) = told.out.splitlines()
    assert re.fullmatch(r"\S+ pod/default/web Out IP 10\.244\.1\.2\.40000 > .*"
                        r" \[DROPPED POLICY_DENIED \(133\)\]", line)  # fmt: skip
    assert "Warning: node worker2: it is away" in told.err
    assert told.err.endswith("1 frames captured, 3 dropped\n")
    (request,) = server.requests
    assert request["path"] == "/apis/kubehop.dev/v1alpha1/captures"
    assert json.loads(request["body"]) == {
        "pod": {"namespace": "shop", "name": "web"},
        "filter": "tcp port 80",
        "snapLength": 96,
        "timeoutSeconds": 2.0,
    }


def test_a_file_and_a_count(capture, server, tmp_path, capsys):
    server.answers = [answer(STARTED, FRAME, FRAME, FRAME)]
    path = tmp_path / "x.pcapng"
    assert capture("-c", "2", "-w", str(path), "arp") == 0
    data = path.read_bytes()
    assert data.count(bytes(tcp())) == 2
    assert data.count(b"DROPPED POLICY_DENIED (133); policy: no") == 2
    assert b"\0arp" in data
    assert "2 frames captured, 0 dropped" in capsys.readouterr().err


def test_a_pipe(capture, server, capfdbinary):
    server.answers = [answer(STARTED, FRAME)]
    assert capture("-w", "-") == 0
    assert capfdbinary.readouterr().out.startswith(b"\x0a\x0d\x0d\x0a")


def test_what_the_server_refuses(capture, server, capsys):
    server.answers = [(404, {"kind": "Status", "reason": "NotFound", "message": "no such node"})]
    assert capture("node/x") == 1
    assert capsys.readouterr().err == "kubehop: no such node\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["port", "http"], "expected a port number"),
        (["-c", "0"], "0 is not in the range"),
        (["-s", "300000"], "300000 is not in the range"),
        (["-w", "/nowhere/x"], "-w /nowhere/x: No such file or directory"),
        (["link"], "give two nodes"),
    ],
)
def test_wrong_input(capture, server, arguments, message, capsys):
    assert capture(*arguments) == 2
    assert message in capsys.readouterr().err
    assert server.requests == []
