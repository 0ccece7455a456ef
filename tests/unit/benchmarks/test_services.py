import pytest

from benchmarks.services import (
    CLIENT,
    all_services,
    changed_service,
    empty_cluster,
    first_packets,
    frontend_key,
    spread,
)


@pytest.fixture
def cluster():
    return empty_cluster("nftables").advance(all_services(5))


def places(cluster, number):
    frontend, _ = cluster.rules.find(frontend_key(number))
    return [backend.place for backend in frontend.backends]


def test_every_service_has_a_frontend_with_two_endpoints(cluster):
    assert cluster.mode.name == "nftables"
    assert len(cluster.frontends) == 5
    assert all(len(places(cluster, number)) == 2 for number in range(5))
    assert cluster.rules.find(frontend_key(5))[0] is None
    assert CLIENT.ips[0] in cluster.pods_by_ip


def test_each_change_is_one(cluster):
    before = [places(cluster, number) for number in range(5)]

    for turn in range(3):
        changed = cluster.advance(changed_service(2, turn))
        after = [places(changed, number) for number in range(5)]
        assert after[2] != before[2]
        assert after[:2] + after[3:] == before[:2] + before[3:]
        assert changed.revision > cluster.revision
        cluster, before = changed, after


def test_packets_are_the_first_of_different_flows_to_all_services(cluster):
    packets = list(first_packets(5, 20))

    keys = {(packet.dst, packet.protocol, packet.dst_port) for packet in packets}
    assert keys == {frontend_key(number) for number in range(5)}
    assert len({packet.src_port for packet in packets}) == 20
    assert set(spread(5, 20)) == set(range(5))
    assert spread(1, 3) == [0, 0, 0]
