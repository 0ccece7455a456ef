"""Pods with real namespaces and processes; only the network's far end is a fake."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from nodeagent.pods.interfaces import PodKey
from nodeagent.pods.kubelet import Kubelet
from nodeagent.pods.runtime import ZygoteLost, ZygoteRuntime
from nodeagent.rpc.exec import exec_stream
from nodeagent.rpc.logs import logs_stream
from protos.gen.v1 import nodeagent_pb2 as pb
from tests.support.pods import (
    FakePodNetwork,
    RecordingReporter,
    container,
    eventually,
    node_facts,
    pod_manifest,
)
from tests.support.rpc import Aborted, FakeContext

pytestmark = pytest.mark.netns

CONTEXT: Any = FakeContext()


class Node:
    """A kubelet with its runtime, and the desired state in the test's hands."""

    def __init__(self, state_dir: Path, runtime: ZygoteRuntime) -> None:
        self.runtime = runtime
        self.network = FakePodNetwork()
        self.reporter = RecordingReporter()
        self.kubelet = Kubelet(self.network, self.reporter, node_facts(state_dir), runtime)
        self.pods: dict[PodKey, dict[str, Any]] = {}
        self.configmaps: dict[PodKey, dict[str, Any]] = {}
        self.secrets: dict[PodKey, dict[str, Any]] = {}

    def sync(self, *pods: dict[str, Any]) -> None:
        for pod in pods:
            self.pods[PodKey("default", pod["metadata"]["name"])] = pod
        self.kubelet.sync(self.pods, self.configmaps, self.secrets)

    async def run(self, pod: dict[str, Any]) -> None:
        """Start a pod and wait until it is ready."""
        self.sync(pod)
        name = pod["metadata"]["name"]
        await self.reporter.until(lambda: self.reporter.condition(name, "Ready") == "True")

    async def finish(self, pod: dict[str, Any]) -> str:
        """Start a pod and wait until it has ended; its phase."""
        self.sync(pod)
        name = pod["metadata"]["name"]
        ended = ("Succeeded", "Failed")
        await self.reporter.until(
            lambda: self.reporter.statuses.get(name, {}).get("phase") in ended
        )
        return str(self.reporter.statuses[name]["phase"])

    async def delete(self, name: str, grace_s: int = 2) -> None:
        key = PodKey("default", name)
        pod = self.pods[key]
        metadata = {
            **pod["metadata"],
            "deletionTimestamp": "2026-01-01T00:00:00Z",
            "deletionGracePeriodSeconds": grace_s,
        }
        self.sync({**pod, "metadata": metadata})
        await self.reporter.until(lambda: name in self.reporter.removed)
        del self.pods[key]
        self.sync()

    async def exec(
        self, pod: str, *command: str, stdin: bytes | None = None, tty: bool = False, name: str = ""
    ) -> tuple[int, bytes, bytes]:
        target = pb.ContainerRef(namespace="default", pod=pod, container=name)
        start = pb.ExecStart(target=target, command=command, stdin=stdin is not None, tty=tty)

        async def requests() -> AsyncIterator[pb.ExecRequest]:
            yield pb.ExecRequest(start=start)
            if stdin is not None:
                yield pb.ExecRequest(stdin=stdin)
                yield pb.ExecRequest(stdin_closed=True)

        out, err, code = b"", b"", -1
        async for response in exec_stream(self.kubelet, requests(), CONTEXT):
            out += response.stdout
            err += response.stderr
            if response.HasField("exit"):
                code = response.exit.code
        return code, out, err

    async def logs(self, pod: str, **fields: Any) -> bytes:
        target = pb.ContainerRef(namespace="default", pod=pod, container=fields.pop("name", ""))
        request = pb.LogsRequest(target=target, **{"tail_lines": -1, **fields})
        parts = [part.data async for part in logs_stream(self.kubelet, request, CONTEXT)]
        return b"".join(parts)


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    fds_before = len(os.listdir("/proc/self/fd"))
    runtime = ZygoteRuntime.spawn()
    node = Node(tmp_path, runtime)
    async with asyncio.TaskGroup() as tasks:
        jobs = [tasks.create_task(runtime.run()), tasks.create_task(node.kubelet.run())]
        yield node
        async with asyncio.timeout(20):
            await node.kubelet.shutdown(0.0)
        for job in jobs:
            job.cancel()
    zygote = runtime.pid
    await runtime.close()
    assert _descendants_alive(zygote) == []
    assert len(os.listdir("/proc/self/fd")) == fds_before
    assert node.network.attached == {}
    assert str(tmp_path) not in _mountinfo()


def _mountinfo() -> str:
    return Path("/proc/self/mountinfo").read_text()


def _sysctl(name: str) -> str:
    return Path(f"/proc/sys/{name}").read_text()


def _uid_map() -> str:
    return Path("/proc/self/uid_map").read_text()


def _descendants_alive(session_parent: int) -> list[int]:
    """Processes whose parent is or was this zygote."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                stat = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
                if int(stat[1]) == session_parent:
                    found.append(int(entry))
    return found


async def test_a_builtin_pod_gets_ready_and_serves_on_localhost(node: Node) -> None:
    await node.run(pod_manifest("web"))
    status = node.reporter.statuses["web"]
    assert status["phase"] == "Running"
    assert status["podIP"] == "10.244.1.2"
    assert status["hostIP"] == "172.18.0.11"
    assert status["containerStatuses"][0]["ready"] is True
    assert status["containerStatuses"][0]["containerID"].startswith("kubehop://")
    assert node.reporter.reasons("web") == ["Pulled", "Created", "Started"]
    url = "http://127.0.0.1:8080/hostname"
    assert await node.exec("web", "kubehop-http-get", url) == (0, b"web", b"")


async def test_containers_of_a_pod_share_localhost_hostname_and_volumes(node: Node) -> None:
    mounts = [{"name": "shared", "mountPath": "/shared/data"}]
    containers = [
        {**pod_manifest()["spec"]["containers"][0], "volumeMounts": mounts},
        container("side", command=["sleep", "1000"], volumeMounts=mounts),
    ]
    await node.run(
        pod_manifest("pair", containers=containers, volumes=[{"name": "shared", "emptyDir": {}}])
    )
    url = "http://127.0.0.1:8080/hostname"
    assert (await node.exec("pair", "curl", "-s", url, name="side"))[1] == b"pair"
    await node.exec("pair", "sh", "-c", "echo hello > /shared/data/file; hostname", name="side")
    assert (await node.exec("pair", "cat", "/shared/data/file", name="main"))[1] == b"hello\n"
    code, out, _err = await node.exec("pair", "ps", "-A", "-o", "comm=", name="side")
    assert code == 0
    assert b"agnhost" not in out


async def test_the_kubelets_files(node: Node) -> None:
    spec = {"hostAliases": [{"ip": "192.0.2.1", "hostnames": ["foo.local", "bar.local"]}]}
    await node.run(pod_manifest("files", hostname="h", subdomain="sub", **spec))
    _code, hosts, _err = await node.exec("files", "cat", "/etc/hosts")
    assert hosts.startswith(b"# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n")
    assert b"10.244.1.2\th.sub.default.svc.cluster.local\th\n" in hosts
    assert b"192.0.2.1\tfoo.local\tbar.local\n" in hosts
    _code, resolv, _err = await node.exec("files", "cat", "/etc/resolv.conf")
    assert resolv == (
        b"search default.svc.cluster.local svc.cluster.local cluster.local example.org\n"
        b"nameserver 10.96.0.10\noptions ndots:5\n"
    )
    assert (await node.exec("files", "cat", "/etc/hostname"))[1] == b"h\n"
    assert (await node.exec("files", "getent", "hosts", "h"))[1].split()[0] == b"10.244.1.2"


async def test_exec_keeps_streams_apart_passes_input_and_tells_the_exit_code(node: Node) -> None:
    await node.run(pod_manifest("web"))
    script = "cat; echo err >&2; exit 7"
    assert await node.exec("web", "sh", "-c", script, stdin=b"in") == (7, b"in", b"err\n")
    assert (await node.exec("web", "sh", "-c", "kill -9 $$"))[0] == 137
    assert (await node.exec("web", "no-such-command"))[0] == 127
    big = await node.exec("web", "head", "-c", "5000000", "/dev/zero")
    assert (big[0], len(big[1])) == (0, 5_000_000)
    assert b"/dev/" in (await node.exec("web", "sh", "-c", "[ -t 0 ] && ls -d /dev/", tty=True))[1]


async def test_cancelling_an_exec_kills_the_command(node: Node) -> None:
    await node.run(pod_manifest("web"))
    call = asyncio.ensure_future(node.exec("web", "sh", "-c", "sleep 4242 & sleep 4242"))

    async def sleepers() -> bytes:
        return (await node.exec("web", "pgrep", "-xc", "sleep"))[1].strip()

    async def both_run() -> bool:
        return await sleepers() == b"2"

    async def none_runs() -> bool:
        return await sleepers() == b"0"

    await eventually(both_run)
    call.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await call
    await eventually(none_runs)


async def test_exec_and_logs_of_what_is_not_there_are_not_found(node: Node) -> None:
    with pytest.raises(Aborted) as gone:
        await node.exec("ghost", "true")
    assert gone.value.code is grpc.StatusCode.NOT_FOUND
    await node.run(pod_manifest("web"))
    with pytest.raises(Aborted) as no_container:
        await node.logs("web", name="nope")
    assert no_container.value.code is grpc.StatusCode.NOT_FOUND


async def test_logs_follow_tail_and_previous(node: Node) -> None:
    script = "for i in 1 2 3; do echo line $i; done; echo oops >&2; exit 3"
    pod = pod_manifest(
        "job", restartPolicy="OnFailure", containers=[container(command=["sh", "-c", script])]
    )
    node.sync(pod)
    await node.reporter.until(
        lambda: (
            "waiting" in node.reporter.state("job")
            and node.reporter.state("job")["waiting"]["reason"] == "CrashLoopBackOff"
        )
    )
    assert await node.logs("job") == b"line 1\nline 2\nline 3\noops\n"
    assert await node.logs("job", tail_lines=1) == b"oops\n"
    assert await node.logs("job", previous=True, tail_lines=1) == b"oops\n"
    assert (await node.logs("job", timestamps=True)).splitlines()[0][10:11] == b"T"
    status = node.reporter.statuses["job"]["containerStatuses"][0]
    assert status["lastState"]["terminated"]["exitCode"] == 3
    assert status["restartCount"] == 1
    assert "BackOff" in node.reporter.reasons("job")


async def test_follow_ends_with_the_container(node: Node) -> None:
    script = "echo one; read x < /gate/pipe; echo two"
    volumes = {"volumes": [{"name": "gate", "emptyDir": {}}]}
    mounts = [{"name": "gate", "mountPath": "/gate"}]
    command = ["sh", "-c", f"mkfifo /gate/pipe; {script}"]
    pod = pod_manifest(
        "gate",
        restartPolicy="Never",
        **volumes,
        containers=[container(command=command, volumeMounts=mounts)],
    )
    await node.run(pod)
    following = asyncio.ensure_future(node.logs("gate", follow=True))
    await node.exec("gate", "sh", "-c", "until [ -p /gate/pipe ]; do :; done; echo > /gate/pipe")
    assert await following == b"one\ntwo\n"
    await node.reporter.until(lambda: node.reporter.statuses["gate"]["phase"] == "Succeeded")


async def test_deletion_is_graceful_and_then_forced(node: Node) -> None:
    script = "trap 'exit 0' TERM; touch /tmp/up; while :; do sleep 0.05; done"
    await node.run(pod_manifest("polite", containers=[container(command=["sh", "-c", script])]))
    await node.exec("polite", "sh", "-c", "until [ -e /tmp/up ]; do sleep 0.02; done")
    await node.delete("polite", grace_s=20)
    assert node.reporter.state("polite")["terminated"]["exitCode"] == 0
    await node.run(pod_manifest("stubborn", containers=[container(command=["sleep", "1000"])]))
    await node.delete("stubborn", grace_s=1)
    assert node.reporter.state("stubborn")["terminated"]["exitCode"] == 137
    assert "Killing" in node.reporter.reasons("stubborn")


async def test_a_pod_that_vanishes_is_killed_at_once(node: Node) -> None:
    await node.run(pod_manifest("web"))
    node.pods.clear()
    node.sync()
    await eventually(lambda: not node.network.attached)


async def test_init_containers_run_first_and_a_failed_one_fails_the_pod(node: Node) -> None:
    volumes = {"volumes": [{"name": "v", "emptyDir": {}}]}
    mounts = [{"name": "v", "mountPath": "/v"}]
    init = container("init", command=["sh", "-c", "echo ready > /v/f"], volumeMounts=mounts)
    main = container(command=["cat", "/v/f"], volumeMounts=mounts)
    pod = pod_manifest(
        "ok", restartPolicy="Never", initContainers=[init], containers=[main], **volumes
    )
    assert await node.finish(pod) == "Succeeded"
    assert await node.logs("ok") == b"ready\n"
    bad = pod_manifest(
        "bad",
        restartPolicy="Never",
        containers=[main],
        initContainers=[container("init", command=["false"])],
    )
    assert await node.finish(bad) == "Failed"


async def test_a_sidecar_starts_before_and_ends_after_the_main_container(node: Node) -> None:
    sidecar = {**container("proxy", command=["sleep", "1000"]), "restartPolicy": "Always"}
    pod = pod_manifest(
        "job",
        restartPolicy="Never",
        terminationGracePeriodSeconds=0,
        initContainers=[sidecar],
        containers=[container(command=["true"])],
    )
    assert await node.finish(pod) == "Succeeded"
    status = node.reporter.statuses["job"]["initContainerStatuses"][0]
    assert status["state"]["terminated"]["exitCode"] == 137


async def test_environment_config_and_secrets(node: Node) -> None:
    node.configmaps[PodKey("default", "cm")] = {"data": {"key": "from-map", "B": "b"}}
    node.secrets[PodKey("default", "s")] = {"data": {"password": "aHVudGVyMg=="}}
    env = [
        {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "KEY", "valueFrom": {"configMapKeyRef": {"name": "cm", "key": "key"}}},
        {"name": "BOTH", "value": "$(IP) $$(IP) $(NOPE)"},
    ]
    script = "echo $KEY/$BOTH/$X_B/$0; cat /cm/key /s/password; id -u; pwd; touch /cm/x || echo ro"
    main = container(
        command=["sh", "-c", script, "$(KEY)"],
        env=env,
        workingDir="/work/dir",
        envFrom=[{"prefix": "X_", "configMapRef": {"name": "cm"}}],
        securityContext={"runAsUser": 1000},
        volumeMounts=[
            {"name": "cm", "mountPath": "/cm"},
            {"name": "s", "mountPath": "/s"},
        ],
    )
    volumes = [
        {"name": "cm", "configMap": {"name": "cm"}},
        {"name": "s", "secret": {"secretName": "s"}},
    ]
    pod = pod_manifest("env", restartPolicy="Never", containers=[main], volumes=volumes)
    assert await node.finish(pod) == "Succeeded"
    lines = (await node.logs("env")).decode().splitlines()
    assert lines[0] == "from-map/10.244.1.2 $(IP) $(NOPE)/b/from-map"
    many_users = int(_uid_map().split()[2]) > 1
    assert lines[1] == f"from-maphunter2{1000 if many_users else 0}"
    assert lines[2] == "/work/dir"
    assert lines[-1] == "ro"


async def test_a_missing_configmap_holds_the_pod_until_it_is_there(node: Node) -> None:
    volumes = [{"name": "cm", "configMap": {"name": "late"}}]
    mounts = [{"name": "cm", "mountPath": "/cm"}]
    main = {**pod_manifest()["spec"]["containers"][0], "volumeMounts": mounts}
    node.sync(pod_manifest("late", volumes=volumes, containers=[main]))
    await node.reporter.until(lambda: "FailedMount" in node.reporter.reasons("late"))
    node.configmaps[PodKey("default", "late")] = {"data": {"a": "1"}}
    node.sync()
    await node.reporter.until(lambda: node.reporter.condition("late", "Ready") == "True")
    node.configmaps = {PodKey("default", "late"): {"data": {"a": "2"}}}
    node.sync()

    async def renewed() -> bool:
        return (await node.exec("late", "cat", "/cm/a"))[1] == b"2"

    await eventually(renewed)


async def test_a_pod_has_its_time(node: Node) -> None:
    main = container(command=["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"])
    assert await node.finish(pod_manifest("slow", activeDeadlineSeconds=1, containers=[main])) == (
        "Failed"
    )
    assert node.reporter.statuses["slow"]["reason"] == "DeadlineExceeded"
    assert "DeadlineExceeded" in node.reporter.reasons("slow")
    await node.delete("slow")
    assert node.reporter.statuses["slow"]["reason"] == "DeadlineExceeded"


async def test_a_deleted_pod_says_how_its_containers_ended(node: Node) -> None:
    script = "trap 'exit 0' TERM; echo trapped; while :; do sleep 0.1; done"
    await node.run(pod_manifest("polite", containers=[container(command=["sh", "-c", script])]))

    async def is_trapped() -> bool:
        return b"trapped" in await node.logs("polite")

    await eventually(is_trapped)
    await node.delete("polite")
    assert node.reporter.statuses["polite"]["phase"] == "Succeeded"


async def test_an_unknown_image_says_what_to_do(node: Node) -> None:
    node.sync(pod_manifest("odd", containers=[{"name": "main", "image": "example.org/odd:1"}]))
    await node.reporter.until(
        lambda: (
            "waiting" in node.reporter.state("odd")
            and node.reporter.state("odd")["waiting"]["reason"] == "ErrImagePull"
        )
    )
    message = node.reporter.state("odd")["waiting"]["message"]
    assert "set `command`" in message
    assert node.reporter.statuses["odd"]["phase"] == "Pending"


async def test_readiness_and_liveness_probes(node: Node) -> None:
    probe = {"exec": {"command": ["test", "-e", "/tmp/ok"]}, "periodSeconds": 1}
    live = {
        "exec": {"command": ["test", "!", "-e", "/tmp/dead"]},
        "periodSeconds": 1,
        "failureThreshold": 1,
    }
    main = {
        **pod_manifest()["spec"]["containers"][0],
        "readinessProbe": probe,
        "livenessProbe": live,
    }
    node.sync(pod_manifest("probed", containers=[main], terminationGracePeriodSeconds=1))
    await node.reporter.until(lambda: "Unhealthy" in node.reporter.reasons("probed"))
    assert node.reporter.condition("probed", "Ready") == "False"
    await node.exec("probed", "touch", "/tmp/ok")
    await node.reporter.until(lambda: node.reporter.condition("probed", "Ready") == "True")
    await node.exec("probed", "touch", "/tmp/dead")
    await node.reporter.until(
        lambda: node.reporter.statuses["probed"]["containerStatuses"][0]["restartCount"] == 1
    )


async def test_what_a_container_writes_does_not_reach_the_node(node: Node) -> None:
    await node.run(pod_manifest("web"))
    assert (await node.exec("web", "sh", "-c", "echo x > /etc/kubehop-test-file"))[0] == 0
    assert "kubehop-test-file" not in os.listdir("/etc")
    assert (await node.exec("web", "ip", "link", "set", "lo", "down"))[0] != 0


async def test_a_dead_zygote_is_noticed_and_takes_all_pods_with_it(tmp_path: Path) -> None:
    runtime = ZygoteRuntime.spawn()
    node = Node(tmp_path, runtime)
    holders: list[str] = []

    async def live() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(runtime.run())
            tasks.create_task(node.kubelet.run())
            await node.run(pod_manifest("web", containers=[container(command=["sleep", "1000"])]))
            holders.append(next(iter(node.network.attached.values())))
            os.kill(runtime.pid, 9)

    with pytest.raises(ExceptionGroup) as lost:
        await live()
    assert lost.value.subgroup(ZygoteLost) is not None
    await runtime.close()
    await eventually(lambda: not os.path.exists(holders[0]))


async def test_a_pod_whose_sandbox_dies_gets_a_new_one(node: Node) -> None:
    await node.run(pod_manifest("web", terminationGracePeriodSeconds=0))
    holder = node.network.attached["uid-web"].split("/")[2]
    process = node.kubelet.container("default", "web").attempt.command.process.pid
    os.kill(int(holder), 9)
    await node.reporter.until(
        lambda: node.reporter.statuses["web"]["containerStatuses"][0]["restartCount"] == 1
    )
    await node.reporter.until(lambda: node.reporter.condition("web", "Ready") == "True")
    await eventually(lambda: _is_gone(process))
    assert "SandboxChanged" in node.reporter.reasons("web")
    last = node.reporter.statuses["web"]["containerStatuses"][0]["lastState"]
    assert last["terminated"]["exitCode"] == 137
    url = "http://127.0.0.1:8080/hostname"
    assert await node.exec("web", "kubehop-http-get", url) == (0, b"web", b"")
    await node.delete("web")


async def test_a_pod_that_is_never_restarted_fails_with_its_sandbox(node: Node) -> None:
    main = container(command=["sleep", "1000"])
    odd = {"name": "odd", "image": "example.org/odd:1"}
    await node.run(pod_manifest("once", restartPolicy="Never", containers=[main]))
    node.sync(pod_manifest("waits", containers=[odd]))
    await node.reporter.until(lambda: "Failed" in node.reporter.reasons("waits"))
    for path in tuple(node.network.attached.values()):
        os.kill(int(path.split("/")[2]), 9)
    await node.reporter.until(lambda: node.reporter.statuses["once"]["phase"] == "Failed")
    await node.reporter.until(lambda: "SandboxChanged" in node.reporter.reasons("waits"))
    await eventually(lambda: len(node.network.attached) == 1)


async def test_a_pod_does_not_change_the_machine(node: Node) -> None:
    sysctls = [{"name": "kernel.printk_ratelimit_burst", "value": "4711"}]
    node.sync(pod_manifest("greedy", securityContext={"sysctls": sysctls}))
    await node.reporter.until(lambda: "FailedCreatePodSandBox" in node.reporter.reasons("greedy"))
    assert _sysctl("kernel/printk_ratelimit_burst") != "4711\n"


async def test_a_builtin_server_says_why_it_cannot_serve(node: Node) -> None:
    main = pod_manifest()["spec"]["containers"][0]
    pod = pod_manifest("twice", restartPolicy="Never", containers=[main, {**main, "name": "two"}])
    node.sync(pod)

    def ended() -> list[int]:
        # Which of the two binds first is a race, as it is for any two processes.
        return [i for i in (0, 1) if "terminated" in node.reporter.state("twice", i)]

    await node.reporter.until(ended)
    (loser,) = ended()
    assert node.reporter.state("twice", loser)["terminated"]["exitCode"] == 1
    assert b"address already in use" in await node.logs("twice", name=("main", "two")[loser])


_SHORT_LIVED_AGENT = """
import asyncio, pathlib, sys
from nodeagent.pods.runtime import ZygoteRuntime
from tests.netns.test_pods import Node
from tests.support.pods import pod_manifest

async def main():
    runtime = ZygoteRuntime.spawn()
    node = Node(pathlib.Path(sys.argv[1]), runtime)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(runtime.run())
        tasks.create_task(node.kubelet.run())
        await node.run(pod_manifest("web"))
        holder = next(iter(node.network.attached.values())).split("/")[2]
        attempt = node.kubelet.container("default", "web").attempt
        print(runtime.pid, holder, attempt.command.process.pid, flush=True)

asyncio.run(main())
"""


def _is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


async def test_nothing_outlives_an_agent_that_was_killed(tmp_path: Path) -> None:
    agent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _SHORT_LIVED_AGENT, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert agent.stdout is not None
    pids = [int(word) for word in (await agent.stdout.readline()).split()]
    assert len(pids) == 3
    assert not any(_is_gone(pid) for pid in pids)
    agent.kill()
    await agent.wait()
    await eventually(lambda: all(_is_gone(pid) for pid in pids))
