"""A pod's sandbox: the holder process, the network and the files that its containers share."""

import os
import shutil
import signal
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from netcore.model.errors import ConfigError
from nodeagent.pods.hosts import host_network_hosts_file, hosts_file, pod_hostname
from nodeagent.pods.interfaces import Manifest, NodeFacts, PodNetwork, PodRef
from nodeagent.pods.resolv import parse_resolv_conf, pod_resolver
from nodeagent.pods.runtime import ContainerRuntime, Process
from nodeagent.pods.volumes import Volume
from nodeagent.workloads.spec import SandboxSpec

# Source: Kubernetes pkg/kubelet/sysctl/namespace.go.
_NAMESPACED_SYSCTLS: Final = frozenset({"kernel.sem"})
_NAMESPACED_SYSCTL_GROUPS: Final = ("net.", "kernel.shm", "kernel.msg", "fs.mqueue.")


class PodSandbox:
    """Lives from `create` to `close`. Its tmpfs vanishes with the holder."""

    def __init__(
        self, runtime: ContainerRuntime, network: PodNetwork, ref: PodRef, directory: Path
    ) -> None:
        self._runtime = runtime
        self._network = network
        self._ref = ref
        self._process: Process | None = None
        self.scratch = str(directory / "sandbox")
        self.hostname = ""
        self.pod_ips: tuple[str, ...] = ()

    @property
    def holder_pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def create(self, pod: Manifest, node: NodeFacts) -> None:
        """Start the holder, attach the network, write what the kubelet writes.

        Raises KubehopError or OSError; call `close` then, too.
        """
        spec = pod["spec"]
        host_network = bool(spec.get("hostNetwork"))
        self.hostname = node.name if host_network else pod_hostname(pod)
        os.makedirs(self.scratch, mode=0o700, exist_ok=True)
        context = spec.get("securityContext") or {}
        sysctls = pod_sysctls(context.get("sysctls") or ())
        wanted = SandboxSpec(self.hostname, self.scratch, host_network, sysctls)
        self._process = await self._runtime.start_sandbox(wanted)
        if host_network:
            self.pod_ips = node.host_ips
        else:
            netns = f"/proc/{self.holder_pid}/ns/net"
            self.pod_ips = await self._network.attach(pod, netns)
        self._write_system_files(pod, node, host_network=host_network)

    def _write_system_files(self, pod: Manifest, node: NodeFacts, *, host_network: bool) -> None:
        if host_network:
            hosts = host_network_hosts_file(pod, _read_text(Path("/etc/hosts")))
        else:
            hosts = hosts_file(pod, self.pod_ips, node.cluster_domain)
        resolver = pod_resolver(
            pod,
            parse_resolv_conf(_read_text(node.resolv_conf)),
            node.dns_addresses,
            node.cluster_domain,
        )
        self.path("etc").mkdir()
        self.path("etc/hosts").write_text(hosts)
        self.path("etc/hostname").write_text(f"{self.hostname}\n")
        self.path("etc/resolv.conf").write_text(resolver.encode())
        self.path("volumes").mkdir()
        self.path("containers").mkdir()

    def path(self, relative: str) -> Path:
        """A place in the pod's tmpfs, as this process reaches it."""
        return Path(f"/proc/{self.holder_pid}/root{self.scratch}/{relative}")

    def write_volume(self, name: str, volume: Volume) -> str:
        """Make or renew a volume; returns where it is inside the sandbox. Raises ConfigError."""
        if volume.host_path:
            _check_host_path(name, volume)
            return volume.host_path
        directory = self.path(f"volumes/{name}")
        directory.mkdir(exist_ok=True)
        if volume.writable:
            directory.chmod(0o777)
        wanted = set(volume.files)
        for path in [path for path in directory.rglob("*") if path.is_file()]:
            if not volume.writable and str(path.relative_to(directory)) not in wanted:
                path.unlink()
        for relative, file in volume.files.items():
            _replace(directory / relative, file.content, file.mode)
        return f"{self.scratch}/volumes/{name}"

    def remove(self, relative: str) -> None:
        shutil.rmtree(self.path(relative), ignore_errors=True)

    @property
    def is_lost(self) -> bool:
        """The holder has ended: its tmpfs is gone, its process id may be another's."""
        return self._process is None or self._process.exited.done()

    async def lost(self) -> None:
        """Returns when the holder has ended."""
        if self._process is not None:
            await self._process.wait()

    async def close(self) -> None:
        """Free the network and end the holder. Idempotent; all containers must have ended."""
        await self._network.detach(self._ref.uid)
        if self._process is not None:
            self._runtime.kill(self._process, signal.SIGKILL)
            await self._process.wait()
            self._process = None
        shutil.rmtree(self.scratch, ignore_errors=True)


def pod_sysctls(wanted: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Name to value. Raises ConfigError for a sysctl that is the whole machine's."""
    sysctls = {item["name"].replace("/", "."): item["value"] for item in wanted}
    for name in sysctls:
        if name not in _NAMESPACED_SYSCTLS and not name.startswith(_NAMESPACED_SYSCTL_GROUPS):
            raise ConfigError(
                f'forbidden sysctl: "{name}" is not of a pod\'s own namespaces but of the whole '
                "machine: only net.*, kernel.sem, kernel.shm*, kernel.msg* and fs.mqueue.* can be "
                "set"
            )
    return sysctls


def _read_text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _replace(path: Path, content: bytes, mode: int) -> None:
    """Readers see the old or the new file, never a part."""
    if path.is_file() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_bytes(content)
    fresh.chmod(mode)
    fresh.replace(path)


def _check_host_path(name: str, volume: Volume) -> None:
    path = Path(volume.host_path)
    match volume.host_path_type:
        case "DirectoryOrCreate":
            path.mkdir(parents=True, exist_ok=True)
        case "FileOrCreate":
            path.touch()
        case "Directory" if not path.is_dir():
            raise ConfigError(f'volume "{name}": hostPath {path} is not a directory')
        case "File" if not path.is_file():
            raise ConfigError(f'volume "{name}": hostPath {path} is not a file')
    if not path.exists():
        raise ConfigError(f'volume "{name}": hostPath {path} does not exist on this node')


def volume_mount_source(volumes: Mapping[str, str], mount: Manifest, sub_path: str) -> str:
    """Where a volumeMount's content is inside the sandbox. Raises ConfigError."""
    source = volumes.get(mount["name"])
    if source is None:
        raise ConfigError(f'volumeMount "{mount["name"]}" names no volume of the pod')
    if not sub_path:
        return source
    if sub_path.startswith("/") or ".." in sub_path.split("/"):
        raise ConfigError(f'subPath "{sub_path}" must stay inside the volume')
    return f"{source}/{sub_path}"
