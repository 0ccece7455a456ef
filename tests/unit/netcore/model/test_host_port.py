"""Which ports of its node a manifest asks for."""

from netcore.model.address import parse_address
from netcore.model.host_port import HostPort, clash, host_ports

ONE, OTHER = parse_address("172.18.0.11"), parse_address("127.0.0.1")


def manifest(*ports, **spec):
    return {"spec": {"containers": [{"name": "a", "ports": list(ports)}], **spec}}


def test_ports_of_containers_and_of_sidecars():
    sidecar = {"restartPolicy": "Always", "ports": [{"containerPort": 9, "hostPort": 90}]}
    setup = {"ports": [{"containerPort": 8, "hostPort": 80}]}
    pod = manifest(
        {"containerPort": 53, "hostPort": 5353, "protocol": "UDP", "hostIP": "127.0.0.1"},
        {"containerPort": 1},
        initContainers=[sidecar, setup],
    )
    assert host_ports(pod) == (HostPort("UDP", 5353, 53, OTHER), HostPort("TCP", 90, 9))


def test_an_unspecified_host_ip_is_none():
    for text in ("", "0.0.0.0", "::", "nonsense", None):
        pod = manifest({"containerPort": 80, "hostPort": 80, "hostIP": text})
        assert host_ports(pod) == (HostPort("TCP", 80, 80),)


def test_two_addresses_have_room_for_the_same_port():
    assert not clash([HostPort("TCP", 80, 1, ONE)], [HostPort("TCP", 80, 2, OTHER)])
    assert clash([HostPort("TCP", 80, 1, ONE)], [HostPort("TCP", 80, 2, ONE)])
    assert clash([HostPort("TCP", 80, 1)], iter([HostPort("TCP", 80, 2, ONE)]))
    assert not clash([], [HostPort("TCP", 80, 1)])
