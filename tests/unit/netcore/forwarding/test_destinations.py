from netcore.forwarding.destinations import LocalPods, RemotePods, ServiceRange, Unallocated
from tests.support.cluster import node


def test_destinations_are_values():
    assert LocalPods() == LocalPods()
    assert RemotePods(node(2)) == RemotePods(node(2))
    assert RemotePods(node(2)) != RemotePods(node(3))
    assert len({LocalPods(), Unallocated(), ServiceRange(), LocalPods()}) == 3
