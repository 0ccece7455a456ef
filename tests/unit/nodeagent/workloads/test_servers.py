"""The builtin HTTP programs over loopback."""

import asyncio
import hashlib
import json

import pytest

from nodeagent.workloads.agnhost.netexec import NetExec
from nodeagent.workloads.agnhost.porter import ports_to_serve
from nodeagent.workloads.agnhost.resolver import fields_of
from nodeagent.workloads.agnhost.serving import serve_udp
from nodeagent.workloads.http_client import GetError, get
from nodeagent.workloads.http_echo import echo
from nodeagent.workloads.http_server import serve_http
from nodeagent.workloads.nginx import Nginx
from nodeagent.workloads.static_files import StaticFiles
from nodeagent.workloads.whoami import Whoami


async def exchange(handler, data, *, until_close=True):
    """What a server answers to raw bytes."""
    async with serve_http(handler, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(data)
        answer = await reader.read() if until_close else await reader.readuntil(b"\r\n\r\n")
        writer.close()
        await writer.wait_closed()
        return answer


async def fetch(handler, target, method="GET", headers="", body=b""):
    length = f"Content-Length: {len(body)}\r\n"
    head = f"{method} {target} HTTP/1.1\r\nHost: h\r\n{headers}{length}Connection: close\r\n\r\n"
    answer = await exchange(handler, head.encode() + body)
    head, _blank, content = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), head.decode(), content


async def test_a_line_that_is_no_http_gets_400():
    assert (await exchange(echo("x", 200), b"hostName\n")).startswith(b"HTTP/1.1 400 ")


async def test_pipelined_requests_are_answered_in_order():
    one = b"GET /echo?msg=%d HTTP/1.1\r\nHost: h\r\n\r\n"
    last = b"GET /echo?msg=end HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    slow = b"GET /shell?cmd=echo%20slow HTTP/1.1\r\nHost: h\r\n\r\n"
    answer = await exchange(NetExec().answer, one % 1 + slow + one % 2 + last)
    places = [answer.index(text) for text in (b"\r\n\r\n1", b"slow", b"\r\n\r\n2", b"\r\n\r\nend")]
    assert places == sorted(places)


async def test_a_large_file_comes_whole_and_head_without_it(tmp_path):
    content = bytes(range(256)) * 20_000
    (tmp_path / "big.bin").write_bytes(content)
    handler = StaticFiles(str(tmp_path)).answer
    status, _head, body = await fetch(handler, "/big.bin")
    assert status == 200
    assert hashlib.sha256(body).digest() == hashlib.sha256(content).digest()
    _status, head, body = await fetch(handler, "/big.bin", "HEAD")
    assert f"Content-Length: {len(content)}" in head
    assert body == b""


@pytest.mark.parametrize(
    ("target", "status"),
    [("/", 403), ("/none", 404), ("/dir", 301), ("/dir/", 200), ("/../x", 400), ("/%2e%2e/x", 400)],
)
async def test_static_files(tmp_path, target, status):
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir/index.html").write_text("index")
    assert (await fetch(StaticFiles(str(tmp_path)).answer, target))[0] == status


async def test_nginx_welcomes_or_serves_what_is_mounted(tmp_path, capsys):
    status, head, body = await fetch(Nginx(str(tmp_path)).answer, "/")
    assert status == 200
    assert "Server: nginx/" in head
    assert b"Welcome to nginx!" in body
    (tmp_path / "index.html").write_text("mine")
    assert (await fetch(Nginx(str(tmp_path)).answer, "/"))[2] == b"mine"
    assert (await fetch(Nginx(str(tmp_path)).answer, "/none"))[0] == 404
    assert '"GET /none HTTP/1.1" 404' in capsys.readouterr().out


async def test_http_echo():
    status, head, body = await fetch(echo("hello", 418), "/any")
    assert (status, body) == (418, b"hello\n")
    assert "X-App-Name: http-echo" in head


async def test_whoami():
    _status, _head, body = await fetch(Whoami("me").answer, "/x?y=1", headers="X-Foo: bar\r\n")
    lines = body.decode().splitlines()
    assert lines[0] == "Name: me"
    assert lines[1].startswith("Hostname: ")
    assert "IP: 127.0.0.1" in lines
    assert any(line.startswith("RemoteAddr: 127.0.0.1:") for line in lines)
    assert "GET /x?y=1 HTTP/1.1" in lines
    assert "X-Foo: bar" in lines
    document = json.loads((await fetch(Whoami("").answer, "/api"))[2])
    assert document["method"] == "GET"
    assert len((await fetch(Whoami("").answer, "/data?size=10&unit=KB"))[2]) == 10 * 1024
    assert (await fetch(Whoami("").answer, "/data?size=x"))[0] == 400


@pytest.mark.parametrize(
    ("target", "status", "body"),
    [
        ("/echo?msg=hi&code=201", 201, b"hi"),
        ("/echo?code=99", 400, None),
        ("/healthz", 200, b""),
        ("/readyz", 200, b""),
        ("/redirect?location=/x&code=307", 307, b""),
        ("/header?key=X-Foo", 200, b"bar"),
        ("/shell?cmd=printf%20x;exit%203", 200, b'{"output": "x", "error": "exit status 3"}'),
        ("/dial?host=127.0.0.1", 400, None),
        ("/upload", 400, None),
    ],
)
async def test_netexec_endpoints(target, status, body):
    found = await fetch(NetExec().answer, target, headers="X-Foo: bar\r\n")
    assert found[0] == status
    assert body is None or found[2] == body


async def test_netexec_is_not_ready_while_it_terminates():
    server = NetExec()
    server.terminating = True
    assert (await fetch(server.answer, "/readyz"))[0] == 503


async def test_netexec_dials_http_and_udp():
    server = NetExec()
    async with serve_http(server.answer, "127.0.0.1", 0) as http:
        port = http.sockets[0].getsockname()[1]
        query = f"/dial?host=127.0.0.1&port={port}&request=echo%3Fmsg%3Dyo&tries=2"
        assert json.loads((await fetch(server.answer, query))[2]) == {"responses": ["yo", "yo"]}
    refused = json.loads((await fetch(server.answer, query))[2])
    assert "REFUSED" in refused["errors"][0]


async def test_netexec_upload_keeps_the_file():
    form = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\ndata\r\n--b--\r\n'
    )
    kind = "Content-Type: multipart/form-data; boundary=b\r\n"
    status, _head, body = await fetch(NetExec().answer, "/upload", "POST", kind, form)
    assert status == 201
    path = json.loads(body)["output"]
    with open(path, "rb") as stream:  # noqa: ASYNC230
        assert stream.read() == b"data"


def test_netexec_datagrams():
    server = NetExec()
    assert server.answer_datagram(b"echo a b\n", "p") == b"a b"
    assert server.answer_datagram(b"clientip", "1.2.3.4:5") == b"1.2.3.4:5"
    assert server.answer_datagram(b"HOSTNAME", "p")
    assert server.answer_datagram(b"nonsense", "p") is None


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_udp_over_loopback(host):
    class Client(asyncio.DatagramProtocol):
        def __init__(self):
            self.answer = asyncio.get_running_loop().create_future()

        def datagram_received(self, data, addr):
            self.answer.set_result(data)

    loop = asyncio.get_running_loop()
    probe, _ = await loop.create_datagram_endpoint(Client, local_addr=("127.0.0.1", 0))
    port = probe.get_extra_info("sockname")[1]
    probe.close()
    await asyncio.sleep(0)
    async with serve_udp(lambda data, _peer: data.upper(), port):
        transport, client = await loop.create_datagram_endpoint(Client, remote_addr=(host, port))
        transport.sendto(b"x" * 2000)
        assert await asyncio.wait_for(client.answer, 5) == b"X" * 2000
        transport.close()


async def test_get_tells_times_addresses_and_reasons():
    async with serve_http(echo("hello", 200), "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        url = f"http://localhost:{port}/x"
        fetched = await asyncio.to_thread(get, url, 5.0)
    assert (fetched.status, fetched.body, fetched.peer) == (200, b"hello\n", f"127.0.0.1:{port}")
    assert fetched.total_ms >= fetched.connect_ms > 0
    for bad, reason in (
        (url, "REFUSED: "),
        ("http://no.such.host.invalid/", "DNS: no.such.host.invalid: "),
        ("ftp://x/", "OTHER: "),
        ("http://x:99999/", "OTHER: "),
    ):
        with pytest.raises(GetError, match=f"^{reason}"):
            await asyncio.to_thread(get, bad, 5.0)


def test_ports_to_serve():
    env = {"SERVE_PORT_80": "foo", "SERVE_PORT_99999": "x", "OTHER": "y", "SERVE_PORT_x": "z"}
    assert ports_to_serve(env) == {80: "foo"}


def test_fields_of_resolv_conf():
    text = "search a b\nnameserver 1.1.1.1\nnameserver 2.2.2.2\n"
    assert fields_of(text, "search") == [["a", "b"]]
    assert [words[0] for words in fields_of(text, "nameserver")] == ["1.1.1.1", "2.2.2.2"]
