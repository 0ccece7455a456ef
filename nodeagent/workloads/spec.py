"""What the agent asks the zygote for. Plain data that travels as JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Self

PROGRAMS_DIR: Final = "/opt/kubehop"
BIN_DIR: Final = f"{PROGRAMS_DIR}/bin"
LIBEXEC_DIR: Final = f"{PROGRAMS_DIR}/libexec"
DEFAULT_PATH: Final = f"{BIN_DIR}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class SandboxSpec:
    """A pod's namespaces. `scratch` is an existing directory: the pod's tmpfs goes there."""

    hostname: str
    scratch: str
    host_network: bool = False
    sysctls: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(**data)


@dataclass(frozen=True)
class Mount:
    """A bind mount: `source` in the sandbox's mount namespace, `target` in the container."""

    source: str
    target: str
    read_only: bool = False


@dataclass(frozen=True)
class CommandSpec:
    """What to run and as whom. `capabilities` None means all that there are."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str = "/"
    tty: bool = False
    uid: int | None = None
    gid: int | None = None
    groups: tuple[int, ...] = ()
    capabilities: tuple[str, ...] | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        capabilities = data["capabilities"]
        lists: dict[str, Any] = {
            "argv": tuple(data["argv"]),
            "groups": tuple(data["groups"]),
            "capabilities": None if capabilities is None else tuple(capabilities),
        }
        return cls(**{**data, **lists})


@dataclass(frozen=True)
class ContainerSpec:
    """A container of the sandbox whose holder is `sandbox_pid`. `directory` is its own
    place below the sandbox's scratch; it is created."""

    sandbox_pid: int
    scratch: str
    directory: str
    command: CommandSpec
    mounts: tuple[Mount, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        parsed: dict[str, Any] = {
            "command": CommandSpec.from_json(data["command"]),
            "mounts": tuple(Mount(**mount) for mount in data["mounts"]),
        }
        return cls(**{**data, **parsed})


@dataclass(frozen=True)
class ExecSpec:
    """One more command in the running container whose first process is `container_pid`."""

    container_pid: int
    command: CommandSpec

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(data["container_pid"], CommandSpec.from_json(data["command"]))
