"""From a container of a manifest to what the runtime is asked for. Pure."""

from collections.abc import Collection, Mapping
from typing import Final

from netcore.model.errors import ConfigError
from nodeagent.pods.expansion import expand, expand_all
from nodeagent.pods.interfaces import Manifest
from nodeagent.pods.sandbox import volume_mount_source
from nodeagent.workloads.capabilities import container_capabilities
from nodeagent.workloads.catalogue import container_argv, unknown_image_message
from nodeagent.workloads.spec import CommandSpec, Mount

TERMINATION_LOG: Final = "/dev/termination-log"


class UnknownImage(ConfigError):
    """There is nothing to run: an image that is not known and no command."""


def argv_of(container: Manifest, env: Mapping[str, str]) -> tuple[str, ...]:
    """What to execute. Raises UnknownImage."""
    command = expand_all(container.get("command") or (), env)
    args = expand_all(container.get("args") or (), env)
    argv = container_argv(container.get("image") or "", command, args)
    if argv is None:
        raise UnknownImage(unknown_image_message(container.get("image") or ""))
    return argv


def command_of(container: Manifest, pod: Manifest, env: Mapping[str, str]) -> CommandSpec:
    """The command with its user and rights. Raises UnknownImage."""
    context = _security_context(container, pod)
    capabilities = context.get("capabilities") or {}
    kept = container_capabilities(capabilities.get("add") or (), capabilities.get("drop") or ())
    return CommandSpec(
        argv=argv_of(container, env),
        env=env,
        cwd=container.get("workingDir") or "/",
        tty=bool(container.get("tty")),
        uid=context.get("runAsUser"),
        gid=context.get("runAsGroup"),
        groups=_groups(pod),
        capabilities=None if context.get("privileged") else kept,
    )


def exec_command(running: CommandSpec, argv: tuple[str, ...], *, tty: bool) -> CommandSpec:
    """One more command with the surroundings of the container's own."""
    env = {**running.env, "TERM": "xterm"} if tty else dict(running.env)
    return CommandSpec(
        argv=argv,
        env=env,
        cwd=running.cwd,
        tty=tty,
        uid=running.uid,
        gid=running.gid,
        groups=running.groups,
        capabilities=running.capabilities,
    )


def mounts_of(
    container: Manifest,
    volumes: Mapping[str, str],
    scratch: str,
    env: Mapping[str, str],
    read_only: Collection[str] = (),
) -> tuple[Mount, ...]:
    """The kubelet's files and the container's volumes. Raises ConfigError.

    `read_only` names the volumes that no container may write to: those with the agent's files.
    """
    mounts = [
        Mount(f"{scratch}/etc/{name}", f"/etc/{name}")
        for name in ("hosts", "hostname", "resolv.conf")
    ]
    for mount in container.get("volumeMounts") or ():
        sub_path = mount.get("subPath") or expand(mount.get("subPathExpr") or "", env)
        source = volume_mount_source(volumes, mount, sub_path)
        fixed = bool(mount.get("readOnly")) or mount["name"] in read_only
        mounts.append(Mount(source, mount["mountPath"], fixed))
    return tuple(mounts)


def termination_log_path(container: Manifest) -> str:
    return str(container.get("terminationMessagePath") or TERMINATION_LOG)


def _security_context(container: Manifest, pod: Manifest) -> Manifest:
    """The container's settings over the pod's."""
    of_pod = pod["spec"].get("securityContext") or {}
    inherited = {key: of_pod[key] for key in ("runAsUser", "runAsGroup") if key in of_pod}
    return {**inherited, **(container.get("securityContext") or {})}


def _groups(pod: Manifest) -> tuple[int, ...]:
    context = pod["spec"].get("securityContext") or {}
    groups = list(context.get("supplementalGroups") or ())
    if "fsGroup" in context:
        groups.append(context["fsGroup"])
    return tuple(groups)
