"""The keys by which objects replace one another, and what follows from a configuration."""

from dataclasses import FrozenInstanceError, replace

import pytest

from netcore.model.config import MASQUERADE_PORTS
from netcore.model.errors import DatapathError, KubehopError
from netcore.model.namespace import Namespace
from tests.support.cluster import CLIENT_POD, CONFIG, node, service, slice_of


def test_keys():
    assert node(2).key == "node2"
    assert CLIENT_POD.key == ("default", "client")
    assert service("web", 50).key == ("default", "web")
    assert Namespace("default").key == "default"
    web_slice = slice_of("web", 4, ())
    assert web_slice.key == ("default", "web-v4")
    assert web_slice.service_key == ("default", "web")


def test_objects_are_frozen():
    with pytest.raises(FrozenInstanceError):
        CLIENT_POD.name = "other"


def test_pods_may_send_what_fits_into_the_tunnel():
    assert CONFIG.pod_mtu_bytes == 1450
    assert replace(CONFIG, underlay_mtu_bytes=9000).pod_mtu_bytes == 8950
    assert replace(CONFIG, has_ipv6_underlay=True).pod_mtu_bytes == 1430


def test_a_datapath_error_names_operation_and_target():
    error = DatapathError("attach", "default/web", "already attached")
    assert isinstance(error, KubehopError)
    assert (error.operation, error.target) == ("attach", "default/web")
    assert str(error) == "attach default/web: already attached"


def test_masqueraded_ports_are_no_ports_of_a_node_itself():
    """Linux: ip_local_port_range 32768 to 60999. Kubernetes: node ports 30000 to 32767."""
    assert MASQUERADE_PORTS.start > 60999
    assert MASQUERADE_PORTS.stop <= 65535
