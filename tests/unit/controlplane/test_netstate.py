"""Kubernetes objects as the network sees them."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.config import ClusterSettings
from controlplane.rpc.netstate import cluster_config, prefix_of
from netcore.manifest.endpoint_slices import endpoint_slice_state
from netcore.manifest.namespaces import namespace_state
from netcore.manifest.nodes import node_state, vtep_mac
from netcore.manifest.pods import pod_state
from netcore.manifest.services import service_state
from netcore.model.change import Change
from netcore.model.endpoint import Endpoint, EndpointPort
from netcore.model.pod import Pod
from netcore.model.service import ServicePort
from protos.convert import change_from_pb, change_to_pb
from tests.unit.controlplane.families import DUAL_POD_CIDRS, DUAL_SERVICE_CIDRS
from tests.unit.controlplane.objects import node, pod, service


def test_config():
    config = cluster_config(ClusterSettings(underlay_mtu_bytes=1400))
    assert config.dns_addresses == (ip_address("10.96.0.10"),)
    assert config.pod_mtu_bytes == 1350
    assert change_from_pb(change_to_pb(Change(config))).object == config


def test_the_tunnel_takes_more_of_each_packet_on_an_ipv6_underlay():
    config = cluster_config(ClusterSettings(advertise_address="fd00:172:18::2"))
    assert config.pod_mtu_bytes == 1430


def test_a_node_of_ours():
    made = node("n1", labels={"a": "b"}, podCIDRs=["10.244.0.0/24", "nonsense"])
    made["status"]["addresses"] = [
        {"type": "Hostname", "address": "n1"},
        {"type": "InternalIP", "address": "172.18.0.11"},
    ]
    made["metadata"]["annotations"] = {
        "flannel.alpha.coreos.com/backend-data": '{"VNI":1,"VtepMAC":"02:00:00:00:00:01"}'
    }
    state = node_state(made)
    assert state.underlay_addresses == (ip_address("172.18.0.11"),)
    assert state.pod_cidrs == (ip_network("10.244.0.0/24"),)
    assert state.vtep_mac == bytes.fromhex("020000000001")
    assert state.ready
    assert state.labels == {"a": "b"}
    made["metadata"]["annotations"]["flannel.alpha.coreos.com/public-ip"] = "172.18.0.99"
    assert node_state(made).underlay_addresses == (ip_address("172.18.0.99"),)
    assert not node_state(node(ready="Unknown")).ready


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', "{}", '{"VtepMAC":"zz"}', '{"VtepMAC":7}'])
def test_a_vtep_that_nobody_can_read(text):
    annotations = {"flannel.alpha.coreos.com/backend-data": text}
    assert vtep_mac({"metadata": {"annotations": annotations}}) == b""


def test_a_pod():
    made = pod("a", hostNetwork=True)
    made["spec"] |= {"hostNetwork": True, "hostname": "h", "subdomain": "s"}
    assert pod_state(made) == Pod(
        "default", "a", "uid-a", "n1", (ip_address("10.244.0.5"),), {"app": "web"}, True, "h", "s"
    )
    assert pod_state(pod("a")).hostname == "a"


@pytest.mark.parametrize(
    "made", [pod(phase="Succeeded"), pod(phase="Failed"), pod(ip=""), pod(ip="nonsense")]
)
def test_pods_that_are_not_there(made):
    assert pod_state(made) is None


def test_services():
    ports = [{"name": "http", "port": 80, "nodePort": 30080}, {"port": 53, "protocol": "UDP"}]
    state = service_state(
        service(
            ports=ports,
            clusterIPs=["10.96.0.9"],
            sessionAffinity="ClientIP",
            sessionAffinityConfig={"clientIP": {"timeoutSeconds": 9}},
        )
    )
    assert state.ports == (ServicePort("http", "TCP", 80, 30080), ServicePort("", "UDP", 53))
    assert state.cluster_ips == (ip_address("10.96.0.9"),)
    assert (state.session_affinity, state.session_affinity_timeout_s) == ("ClientIP", 9)
    headless = service_state(service(clusterIP="None", clusterIPs=["None"]))
    assert headless.headless
    assert headless.cluster_ips == ()
    external = service_state(service(type="ExternalName", externalName="example.com"))
    assert external.external_name == "example.com"


def test_source_ranges_mean_the_same_with_bits_of_the_host():
    """Ignored, they would open the balancer to everybody."""
    made = service(loadBalancerSourceRanges=[" 10.1.2.3/8 ", "2001:db8::1/32"])
    ranges = (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))
    assert service_state(made).load_balancer_source_ranges == ranges
    noted = service()
    noted["metadata"]["annotations"] = {
        "service.beta.kubernetes.io/load-balancer-source-ranges": "10.1.2.3/8,2001:db8::1/32"
    }
    assert service_state(noted).load_balancer_source_ranges == ranges
    assert service_state(service()).load_balancer_source_ranges == ()


def slice_(**fields):
    metadata = {
        "name": "web-1", "namespace": "default", "labels": {"kubernetes.io/service-name": "web"},
    }  # fmt: skip
    return {"metadata": metadata, "addressType": "IPv4", **fields}


def test_slices():
    state = endpoint_slice_state(
        slice_(
            ports=[{"name": "http", "port": 80}, {"name": "all"}],
            endpoints=[
                {
                    "addresses": ["10.0.0.1"],
                    "conditions": {"ready": False, "serving": True, "terminating": True},
                    "targetRef": {"kind": "Pod", "name": "p"},
                    "nodeName": "n1",
                },
                {"addresses": ["10.0.0.2"]},
                {"addresses": ["nonsense"]},
            ],
        )
    )
    assert state.ports == (EndpointPort("http", "TCP", 80),)
    assert state.endpoints == (
        Endpoint(
            (ip_address("10.0.0.1"),), False, True, True, node_name="n1", target=("default", "p")
        ),
        Endpoint((ip_address("10.0.0.2"),), True, True, False),
    )
    assert state.service_name == "web"


def test_slices_of_nobody_and_of_names():
    assert endpoint_slice_state(slice_() | {"addressType": "FQDN"}) is None
    assert endpoint_slice_state({"metadata": {"name": "x", "namespace": "d"}}) is None


def test_namespaces_and_prefixes():
    assert namespace_state({"metadata": {"name": "a", "labels": {"b": "c"}}}).labels == {"b": "c"}
    assert prefix_of("/registry/core/pods/default/a") == "/registry/core/pods/"
    assert prefix_of("/registry/core/nodes/a") == "/registry/core/nodes/"


@given(st.lists(st.text(max_size=20), max_size=4))
def test_strange_addresses_are_left_out(texts):
    made = pod()
    made["status"]["podIPs"] = [{"ip": text} for text in texts] + [{"ip": "10.0.0.1"}]
    assert ip_address("10.0.0.1") in pod_state(made).ips


def test_the_vteps_address_comes_first_and_no_family_twice():
    made = node("n1")
    made["status"]["addresses"] = [
        {"type": "InternalIP", "address": address} for address in ("172.18.0.11", "fc00::b")
    ]
    assert list(map(str, node_state(made).underlay_addresses)) == ["172.18.0.11", "fc00::b"]
    made["metadata"]["annotations"] = {"flannel.alpha.coreos.com/public-ip": "fc00::99"}
    assert list(map(str, node_state(made).underlay_addresses)) == ["fc00::99", "172.18.0.11"]


def test_a_dual_stack_cluster():
    settings = ClusterSettings(pod_cidrs=DUAL_POD_CIDRS, service_cidrs=DUAL_SERVICE_CIDRS)
    config = cluster_config(settings)
    assert config.pod_cidrs == DUAL_POD_CIDRS
    assert list(map(str, config.dns_addresses)) == ["10.96.0.10", "fd00:10:96::a"]
    assert not config.has_ipv6_underlay
