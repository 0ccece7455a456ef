"""The whole program, as a process, against a fake control plane."""

import asyncio
import os
import signal
import socket
import sys
from contextlib import asynccontextmanager

from dnslib import DNSRecord

from netcore.dns.records import Rcode
from netcore.model.change import Batch, Change
from tests.support.dns_cluster import cluster_objects
from tests.support.dns_wire import answers, flags, question
from tests.support.fake_control_plane import FakeControlPlane, running_control_plane


@asynccontextmanager
async def program(*arguments: str, sockets: tuple[socket.socket, ...] = ()):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "coredns_emu", *arguments),
        stderr=asyncio.subprocess.PIPE,
        pass_fds=[sock.fileno() for sock in sockets],
    )
    try:
        async with asyncio.timeout(30):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def line_with(process, text: str) -> str:
    while line := (await process.stderr.readline()).decode():
        if text in line:
            return line.strip()
    raise AssertionError(f"no line with {text!r}")


async def ask(address, name: str, kind: str = "A") -> bytes:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.connect(address)
        client.send(question(name, kind))
        return await loop.sock_recv(client, 4096)


async def until_synced(control_plane: FakeControlPlane) -> None:
    while not (await control_plane.heartbeats.get()).ready:
        pass


async def test_from_start_to_sigterm(tmp_path):
    resolv_conf = tmp_path / "resolv.conf"
    resolv_conf.write_text("search example.com\n")
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
    ):
        udp.bind(("127.0.0.1", 0))
        tcp.bind(("127.0.0.1", 0))
        address = udp.getsockname()
        async with (
            running_control_plane(f"unix:{tmp_path}/rpc") as control_plane,
            program(
                *("--control-plane", control_plane.target),
                *("--listen-udp", f"fd://{udp.fileno()}"),
                *("--listen-tcp", f"fd://{tcp.fileno()}"),
                *("--advertise-address", "172.18.0.3"),
                *("--resolv-conf", str(resolv_conf)),
                sockets=(udp, tcp),
            ) as process,
        ):
            await line_with(process, "registered as dns")
            early = await ask(address, "web.prod.svc.corp.internal")
            assert DNSRecord.parse(early).header.rcode == Rcode.SERVFAIL
            changes = tuple(map(Change, cluster_objects()))
            control_plane.batches.put_nowait(Batch("e", 1, changes, reset=True, synced=True))
            await until_synced(control_plane)
            found = await ask(address, "web.prod.svc.corp.internal")
            assert answers(found) == ["A 10.96.0.20"]
            name_server = await ask(address, "corp.internal", "NS")
            assert answers(name_server) == ["NS kube-dns.kube-system.svc.corp.internal."]
            outside = await ask(address, "www.example.com")
            assert DNSRecord.parse(outside).header.rcode == Rcode.SERVFAIL
            assert flags(outside) == {"qr", "rd"}
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
            assert b"Traceback" not in await process.stderr.read()


async def test_a_taken_port_is_one_line_and_exit_code_1():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        listen = "{}:{}".format(*taken.getsockname())
        async with program("--control-plane", "unix:/none", "--listen", listen) as process:
            error = (await process.stderr.read()).decode()
            assert await process.wait() == 1
    assert error == f"coredns_emu: cannot listen at {listen}/udp: {os.strerror(98)}\n"


async def test_no_resolv_conf_is_one_line_and_exit_code_1(tmp_path):
    missing = str(tmp_path / "missing")
    async with program(
        *("--control-plane", "unix:/none", "--listen", "127.0.0.1:0", "--resolv-conf", missing)
    ) as process:
        error = (await process.stderr.read()).decode()
        assert await process.wait() == 1
    last = error.splitlines()[-1]
    assert last == f"coredns_emu: cannot read --resolv-conf {missing}: No such file or directory"


async def test_no_address_to_advertise_is_one_line_and_exit_code_1(tmp_path):
    resolv_conf = tmp_path / "resolv.conf"
    resolv_conf.write_text("")
    async with program(
        *("--control-plane", "unix:/none", "--listen", "127.0.0.1:0"),
        *("--resolv-conf", str(resolv_conf)),
    ) as process:
        error = (await process.stderr.read()).decode()
        assert await process.wait() == 1
    last = error.splitlines()[-1]
    assert last.startswith("coredns_emu: --control-plane unix:")
