"""Parts of the pod CIDR for nodes."""

from ipaddress import ip_network

import pytest

from controlplane.controllers.pod_cidrs import choose_cidr, taken_cidrs
from netcore.model.errors import AllocationError

CLUSTER = ip_network("10.244.0.0/22")


def test_the_first_free_one():
    assert str(choose_cidr(CLUSTER, 24, [])) == "10.244.0.0/24"
    held = [ip_network("10.244.0.0/24"), ip_network("10.244.2.0/24")]
    assert str(choose_cidr(CLUSTER, 24, held)) == "10.244.1.0/24"


def test_any_overlap_counts():
    held = [ip_network("10.244.1.128/25"), ip_network("10.244.0.0/24")]
    assert str(choose_cidr(CLUSTER, 24, held)) == "10.244.2.0/24"


def test_exhaustion_names_the_cidr_and_the_remedy():
    with pytest.raises(AllocationError, match=r"10\.244\.0\.0/22.*kubectl delete node") as caught:
        choose_cidr(CLUSTER, 24, list(CLUSTER.subnets(new_prefix=24)))
    assert "all 4 subnets /24" in str(caught.value)


def test_a_mask_that_does_not_fit():
    with pytest.raises(AllocationError, match="at least 22"):
        choose_cidr(CLUSTER, 20, [])


def test_taken():
    nodes = [{"spec": {"podCIDRs": ["10.244.0.0/24"]}}, {"spec": {}}, {}]
    assert taken_cidrs(nodes) == [ip_network("10.244.0.0/24")]
