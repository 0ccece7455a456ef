import pytest

from benchmarks.kernel_rules import node_fdb, node_links, pod_links, service_rules
from benchmarks.site import NodePlan, Plan

PLAN = Plan(
    nodes=(NodePlan("172.18.0.11", "10.244.1.0/24"), NodePlan("172.18.0.12", "10.244.0.0/24")),
    client="10.244.1.2",
    neighbour="10.244.1.3",
    server="10.244.0.2",
    service="10.96.0.50",
)


@pytest.mark.parametrize(
    ("number", "local", "peer", "network"),
    [(0, "172.18.0.11", "172.18.0.12", "10.244.0"), (1, "172.18.0.12", "172.18.0.11", "10.244.1")],
)
def test_each_node_knows_the_other(number, local, peer, network):
    links = node_links(PLAN, number)
    assert f"id 1 local {local} dev eth0 dstport 4789 nolearning" in links
    assert f"route add {network}.0/24 via {network}.0 dev flannel.1 onlink" in links
    assert links.count("mtu 1450") == 2
    mac = f"02:00:00:00:01:{1 - number:02x}"
    assert f"neigh add {network}.0 lladdr {mac}" in links
    assert node_fdb(PLAN, number) == f"fdb add {mac} dev flannel.1 dst {peer} self permanent\n"
    assert f"address {mac}" in node_links(PLAN, 1 - number)


def test_a_pod_goes_out_by_the_bridge():
    links = pod_links(PLAN.nodes[0], PLAN.client)
    assert "addr add 10.244.1.2/24 dev eth0" in links
    assert "route add default via 10.244.1.1" in links


def test_the_cluster_ip_becomes_the_server():
    rules = service_rules(PLAN)
    assert "elements = { 10.96.0.50 . tcp . 80 : goto service-web }" in rules
    assert "dnat to 10.244.0.2:80" in rules
    assert "ip saddr 10.244.0.0/16 ip daddr 10.244.0.0/16 return" in rules
