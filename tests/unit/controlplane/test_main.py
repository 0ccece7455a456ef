"""The process: starts, says what is wrong in one line, loses nothing over a restart."""

import asyncio
import json
import signal
import socket
import ssl
import sys
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession, TCPConnector

from tests.unit.controlplane.support import json_of

CMS = "/api/v1/namespaces/default/configmaps"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def arguments(directory, port, *more):
    return (
        "-m", "controlplane", "--data-dir", str(directory / "data"),
        "--api-listen", f"127.0.0.1:{port}", "--rpc-listen", f"unix:{directory}/rpc.sock",
        "--advertise-address", "172.18.0.2", "--kubeconfig-out", str(directory / "kubeconfig"),
        *more,
    )  # fmt: skip


@asynccontextmanager
async def running(directory, port):
    """A control plane that serves, killed in the end if it is still there."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments(directory, port), stderr=asyncio.subprocess.PIPE
    )
    try:
        seen = b""
        while b"the API listens on" not in seen:
            line = await process.stderr.readline()
            assert line, seen.decode()
            seen += line
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def session(directory, port):
    """A session with the administrator's certificate."""
    pki = directory / "data" / "pki"
    context = ssl.create_default_context(cafile=pki / "ca.crt")
    context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
    return ClientSession(f"https://127.0.0.1:{port}", connector=TCPConnector(ssl=context))


def config_map(name):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
async def test_a_restart_loses_nothing_and_watches_resume(tmp_path, end):
    port = free_port()
    async with running(tmp_path, port) as process, session(tmp_path, port) as api:
        created = await json_of(await api.post(CMS, json=config_map("a")))
        watch = await api.get(f"{CMS}?watch=1")
        await watch.content.readline()
        assert (await api.post(CMS, json=config_map("b"))).status == 201
        process.send_signal(end)
        assert await process.wait() == (0 if end == signal.SIGTERM else -end)
        watch.close()
    version = created["metadata"]["resourceVersion"]
    async with running(tmp_path, port), session(tmp_path, port) as api:
        found = await json_of(await api.get(f"{CMS}/a"))
        assert found == created
        resumed = await api.get(f"{CMS}?watch=1&resourceVersion={version}")
        event = json.loads(await resumed.content.readline())
        assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", "b")
        resumed.close()


async def test_who_is_let_in(tmp_path):
    port = free_port()
    async with running(tmp_path, port), session(tmp_path, port) as api:
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        answer = await api.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", json=review)
        assert (await json_of(answer))["status"]["userInfo"]["username"] == "kubernetes-admin"
        trusting = ssl.create_default_context(cafile=tmp_path / "data" / "pki" / "ca.crt")
        url = f"https://127.0.0.1:{port}"
        async with ClientSession(url, connector=TCPConnector(ssl=trusting)) as stranger:
            refused = await stranger.get(CMS)
            assert (refused.status, (await json_of(refused))["reason"]) == (403, "Forbidden")
            wrong = await stranger.get(CMS, headers={"Authorization": "Bearer nonsense"})
            assert wrong.status == 401
            assert (await stranger.get("/readyz")).status == 200
            assert (await json_of(await stranger.get("/version")))["minor"] == "33"
    kubeconfig = tmp_path / "kubeconfig"
    assert kubeconfig.stat().st_mode & 0o777 == 0o600
    assert json.loads(kubeconfig.read_text())["current-context"] == "kubehop"


async def outcome(*command):
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await process.communicate()
    return process.returncode, errors.decode().splitlines()


async def test_a_taken_port_is_one_line(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, lines = await outcome(*arguments(tmp_path, port))
    assert code == 1
    assert lines == [
        f"controlplane: --api-listen: cannot listen on 127.0.0.1:{port}: Address already in use"
    ]


async def test_a_taken_agent_port_is_one_line(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = "{}:{}".format(*taken.getsockname())
        flags = arguments(tmp_path, free_port(), "--rpc-listen", address)
        code, lines = await outcome(*flags)
    assert code == 1
    (line,) = [line for line in lines if line.startswith("controlplane: ")]
    assert address in line


async def test_a_data_directory_in_use_is_one_line(tmp_path):
    port = free_port()
    async with running(tmp_path, port):
        code, lines = await outcome(*arguments(tmp_path, free_port()))
    assert code == 1
    (line,) = lines
    assert line.endswith("another control plane uses it")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--advertise-address", "127.0.0.1"), "no address at which pods reach the API"),
        (("--pod-cidr", "10.244.0.1/16"), "has host bits set"),
        (("--node-cidr-mask-size", "8"), "does not divide --pod-cidr"),
        (("--service-cidr", "10.244.128.0/20"), "overlaps --pod-cidr"),
        (("--pod-cidr", "10.244.0.0/16,10.245.0.0/16"), "one IPv4 and one IPv6 CIDR"),
        (("--pod-cidr", "10.244.0.0/16,fd00:10:244::/56"), "the same IP families"),
        (
            ("--pod-cidr", "fd00:1::/56", "--service-cidr", "fd00:2::/112"),
            "172.18.0.2 is not of the primary family, which is IPv6",
        ),
        (
            ("--pod-cidr", "fd00:1::/96", "--service-cidr", "fd00:2::/112"),
            "--node-cidr-mask-size-ipv6: 64 does not divide --pod-cidr fd00:1::/96",
        ),
        (
            ("--pod-cidr", "fd00:1::/56", "--service-cidr", "fd00:2::/126"),
            "fd00:2::/126 is smaller than a /124",
        ),
        (("--api-listen", "nowhere"), "expected HOST:PORT"),
        (("--rpc-listen", "fd://3"), "gRPC cannot serve an inherited socket"),
        (("--nonsense",), "unrecognized arguments"),
    ],
)
async def test_wrong_flags_are_one_line(tmp_path, flags, message):
    code, lines = await outcome(*arguments(tmp_path, free_port(), *flags))
    assert code == 2
    (line,) = lines
    assert line.startswith("controlplane: ")
    assert message in line
