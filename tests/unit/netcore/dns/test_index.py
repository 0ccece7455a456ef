from dataclasses import replace

from netcore.dns.index import Index
from netcore.model.address import parse_address
from netcore.model.change import Change
from netcore.model.endpoint import EndpointSlice
from netcore.model.namespace import Namespace
from netcore.model.node import Node
from netcore.model.pod import Pod
from netcore.model.service import Service
from tests.support.dns_cluster import (
    build_index,
    cluster_objects,
    endpoint,
    endpoint_slice,
    service,
)

WEB = (b"prod", b"web")
OLD = parse_address("10.96.0.20")
NEW = parse_address("10.96.0.99")


def tables(index: Index) -> dict[str, object]:
    return dict(vars(index))


def test_a_service_moves_to_its_new_cluster_ip():
    index = build_index()
    index.apply(Change(service("web", str(NEW))))
    assert index.service_with_ip(OLD) is None
    assert index.service_with_ip(NEW) == index.service(WEB)


def test_a_cluster_ip_that_changed_hands_survives_the_old_owner():
    index = build_index([service("old", str(OLD)), service("new", str(OLD))])
    index.apply(Change(Service("prod", "old"), deleted=True))
    assert index.service_with_ip(OLD).key == (b"prod", b"new")


def test_a_slice_replaces_its_hosts():
    index = build_index([endpoint_slice("web", endpoint("10.244.1.1"), endpoint("10.244.1.2"))])
    index.apply(Change(endpoint_slice("web", endpoint("10.244.1.2"))))
    assert [host.name for entry in index.slices(WEB) for host in entry.hosts] == [b"10-244-1-2"]
    assert list(index.slices_with_ip(parse_address("10.244.1.1"))) == []


def test_a_slice_that_changes_its_service():
    index = build_index([endpoint_slice("web", endpoint("10.244.1.1"))])
    moved = replace(endpoint_slice("web", endpoint("10.244.1.1")), service_name="api")
    index.apply(Change(moved))
    assert list(index.slices(WEB)) == []
    assert len(list(index.slices((b"prod", b"api")))) == 1


def test_the_same_address_twice_in_a_slice():
    index = build_index([endpoint_slice("web", endpoint("10.244.1.1"), endpoint("10.244.1.1"))])
    index.apply(Change(EndpointSlice("prod", "web-1", ""), deleted=True))
    assert tables(index) == tables(Index())


def test_deletions_leave_nothing_behind():
    index = build_index()
    for network_object in cluster_objects():
        index.apply(Change(network_object, deleted=True))
    assert tables(index) == tables(Index())


def test_deleting_the_unknown_changes_nothing():
    index = Index()
    for network_object in cluster_objects():
        index.apply(Change(network_object, deleted=True))
    assert tables(index) == tables(Index())


def test_other_kinds_are_ignored():
    index = Index()
    index.apply(Change(Node("n1")))
    assert tables(index) == tables(Index())


def test_pods_by_namespace_and_address():
    address = parse_address("10.244.1.1")
    index = build_index([Pod("prod", "a", "u", "n", (address,))])
    assert index.has_pod(b"prod", address)
    assert not index.has_pod(b"test", address)
    index.apply(Change(Pod("prod", "a", "u", "n", ())))
    assert not index.has_pod(b"prod", address)


def test_namespaces():
    index = build_index([Namespace("prod")])
    assert index.has_namespace(b"prod")
    index.apply(Change(Namespace("prod"), deleted=True))
    assert not index.has_namespace(b"prod")


def test_external_targets_that_are_no_names():
    for target in ("192.0.2.1", "fd00::1", "", "a..b"):
        index = build_index([service("x", type="ExternalName", external_name=target)])
        assert index.service((b"prod", b"x")).external is None
