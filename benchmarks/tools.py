"""The programs that `make bench` measures with, and the Debian packages that bring them."""

import os
import shutil

from netcore.model.errors import KubehopError

_SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")
TOOLS = {
    "ip": "iproute2",
    "bridge": "iproute2",
    "nft": "nftables",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "ping": "iputils-ping",
    "iperf3": "iperf3",
    "wrk": "wrk",
    "nginx": "nginx-light",
    "kubectl": "kubernetes-client",
}


class MissingTool(KubehopError):
    """The machine lacks a program or a right; the message says the remedy."""


def check_tools() -> None:
    """Raises MissingTool unless every program is there and this process is root's.

    PATH gets the folders of administrators' programs, which Debian's users have not.
    """
    path = os.environ.get("PATH", os.defpath).split(os.pathsep)
    os.environ["PATH"] = os.pathsep.join([*path, *(x for x in _SBIN if x not in path)])
    missing = [name for name in TOOLS if shutil.which(name) is None]
    if missing:
        packages = " ".join(sorted({TOOLS[name] for name in missing}))
        raise MissingTool(f"no {', '.join(missing)} here: on Debian, apt-get install {packages}")
    if os.geteuid() != 0:
        raise MissingTool("make bench builds the kernel's network too: run it as root")
