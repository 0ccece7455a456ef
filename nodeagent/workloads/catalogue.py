"""The images that need no registry: what each runs when a manifest names no command.

An image is matched by the last component of its name, without tag and digest, so a mirror's
or a vendor's name (`registry.k8s.io/e2e-test-images/agnhost:2.53`) finds the same entry.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from nodeagent.workloads.spec import BIN_DIR, LIBEXEC_DIR


@dataclass(frozen=True)
class Image:
    """`entrypoint` is kept when a manifest gives `args`; `command` is what args replace."""

    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()


_TOOLS: Final = Image(command=("sh",))
_BASH: Final = Image(command=("bash",))

# Options or a URL are for curl, anything else is a command: as curlimages/curl has it.
_CURL_ENTRYPOINT: Final = 'case "$1" in -*|*:*) exec curl "$@" ;; *) exec "$@" ;; esac'
_CURL: Final = Image(("/bin/sh", "-c", _CURL_ENTRYPOINT, "curl"), ("sh",))

IMAGES: Final[Mapping[str, Image]] = {
    "agnhost": Image((f"{BIN_DIR}/agnhost",), ("pause",)),
    "nginx": Image((f"{LIBEXEC_DIR}/nginx",)),
    "http-echo": Image((f"{LIBEXEC_DIR}/http-echo",)),
    "whoami": Image((f"{LIBEXEC_DIR}/whoami",)),
    "pause": Image((f"{LIBEXEC_DIR}/pause",)),
    "curl": _CURL,
    "busybox": _TOOLS,
    "alpine": _TOOLS,
    "netshoot": _TOOLS,
    "jessie-dnsutils": _TOOLS,
    "dnsutils": _TOOLS,
    "network-multitool": _TOOLS,
    "debian": _BASH,
    "ubuntu": _BASH,
    "bash": _BASH,
    "fedora": _BASH,
    "python": Image(command=("python3",)),
}


def image_name(reference: str) -> str:
    """`agnhost` of `registry.k8s.io/e2e-test-images/agnhost:2.53@sha256:...`."""
    return reference.partition("@")[0].rpartition("/")[2].partition(":")[0]


def container_argv(
    reference: str, command: tuple[str, ...], args: tuple[str, ...]
) -> tuple[str, ...] | None:
    """What to execute, by Kubernetes' rules for `command` and `args`; None: unknown image."""
    if command:
        return command + args
    image = IMAGES.get(image_name(reference))
    if image is None:
        return None
    return image.entrypoint + (args or image.command) or None


def unknown_image_message(reference: str) -> str:
    known = ", ".join(sorted(IMAGES))
    return (
        f'image "{reference}" is not in the catalogue and the container has no command. '
        f"kubehop pulls nothing: set `command` to run a program of the node's file system, "
        f"or use one of: {known}"
    )
