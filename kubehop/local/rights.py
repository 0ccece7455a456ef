"""What the machine must allow, and what to do where it does not."""

import errno
import os
from collections.abc import Sequence

from netcore.model.errors import KubehopError

TUN = "/dev/net/tun"
_IPV6 = "/proc/sys/net/ipv6"


class MissingRights(KubehopError):
    """The machine does not allow what a cluster needs; the message says the remedy."""


def check_tun() -> None:
    """Raises MissingRights when TAP devices cannot be made at all."""
    try:
        os.close(os.open(TUN, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        raise MissingRights(_tun_message(error)) from error


def check_ipv6(versions: Sequence[int]) -> None:
    """Raises MissingRights when a cluster of these IP versions needs IPv6 and there is none."""
    if 6 in versions and not os.path.exists(_IPV6):
        raise MissingRights(
            f"this machine's kernel has no IPv6 ({_IPV6} is missing): start it without "
            "ipv6.disable=1, or make the cluster with networking.ipFamily ipv4"
        )


def namespaces_refused(error: OSError) -> MissingRights:
    """Why namespaces could not be made, and how they can."""
    if os.geteuid() == 0:
        remedy = (
            "in a container, run it with --cap-add SYS_ADMIN --cap-add NET_ADMIN "
            "--device /dev/net/tun --security-opt apparmor=unconfined"
        )
    else:
        remedy = (
            "run kubehop as root, or let ordinary users make them: "
            "sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000 "
            "(Ubuntu 24.04 and later: sysctl kernel.apparmor_restrict_unprivileged_userns=0)"
        )
    return MissingRights(f"this machine refuses to make namespaces ({error.strerror}): {remedy}")


def _tun_message(error: OSError) -> str:
    if error.errno in (errno.EACCES, errno.EPERM):
        remedy = f"run kubehop as root, or let everybody open it: chmod 666 {TUN}"
    else:
        remedy = "load the module (modprobe tun); in a container, run it with --device /dev/net/tun"
    return f"cannot open {TUN} ({error.strerror}), which gives pods their network: {remedy}"
