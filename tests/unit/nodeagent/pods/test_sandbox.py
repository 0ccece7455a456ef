"""Which sysctls a pod may set."""

import pytest

from netcore.model.errors import ConfigError
from nodeagent.pods.sandbox import pod_sysctls


@pytest.mark.parametrize(
    "name",
    [
        "net.ipv4.ip_local_port_range",
        "kernel.shmmax",
        "kernel.msgmax",
        "kernel.sem",
        "fs.mqueue.msg_max",
    ],
)
def test_sysctls_of_the_pods_own_namespaces_are_allowed(name: str) -> None:
    assert pod_sysctls([{"name": name, "value": "1"}]) == {name: "1"}


def test_slashes_are_as_good_as_dots() -> None:
    assert pod_sysctls([{"name": "net/ipv4/tcp_syncookies", "value": "0"}]) == {
        "net.ipv4.tcp_syncookies": "0"
    }


@pytest.mark.parametrize(
    "name",
    ["kernel.core_pattern", "kernel/core_pattern", "vm.swappiness", "fs.file-max", "kernel.semx"],
)
def test_sysctls_of_the_whole_machine_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="forbidden sysctl"):
        pod_sysctls([{"name": name, "value": "1"}])
