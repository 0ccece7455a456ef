import pytest

from netcore.flow.ends import flow_end, service_at
from netcore.flow.names import ReservedIdentity
from netcore.flow.record import ServiceName
from netcore.model.address import packed, parse_address
from netcore.model.endpoint import Endpoint, EndpointSlice
from netcore.packet.protocols import PROTOCOL_TCP
from tests.support.cluster import CLIENT_POD, GATEWAY, NODE1, NODE2, OUTSIDE, WEB, cluster


@pytest.mark.parametrize(
    ("address", "identity"),
    [
        (NODE1, ReservedIdentity.HOST),
        (GATEWAY, ReservedIdentity.HOST),
        (NODE2, ReservedIdentity.REMOTE_NODE),
        (packed("10.244.2.1"), ReservedIdentity.REMOTE_NODE),
        (packed("10.244.2.99"), ReservedIdentity.UNMANAGED),
        (packed("10.244.1.99"), ReservedIdentity.UNMANAGED),
        (packed("10.244.99.1"), ReservedIdentity.UNMANAGED),
        (OUTSIDE, ReservedIdentity.WORLD),
    ],
)
def test_who_is_no_pod(address, identity):
    end = flow_end(cluster(), address, None)
    assert end.identity == identity
    assert end.labels == (f"reserved:{identity.label}",)


def test_a_pod_has_the_labels_that_cilium_gives_it():
    end = flow_end(cluster(), CLIENT_POD.ips[0].packed, CLIENT_POD)
    assert end.identity >= 256
    assert end.labels == ("k8s:io.kubernetes.pod.namespace=default",)


def test_the_api_server_is_known_by_its_service():
    endpoint = Endpoint((parse_address("172.18.0.2"),))
    api = EndpointSlice("default", "kubernetes", "kubernetes", endpoints=(endpoint,))
    end = flow_end(cluster(api), packed("172.18.0.2"), None)
    assert end.identity == ReservedIdentity.KUBE_APISERVER
    assert end.labels == ("reserved:kube-apiserver", "reserved:world")


def test_a_service_is_known_also_at_a_port_that_it_has_not():
    snapshot = cluster()
    assert service_at(snapshot, WEB, PROTOCOL_TCP, 80) == ServiceName("default", "web")
    assert service_at(snapshot, WEB, PROTOCOL_TCP, 99) == ServiceName("default", "web")
    assert service_at(snapshot, OUTSIDE, PROTOCOL_TCP, 80) is None
