"""ConfigMaps, Secrets, Namespaces, Nodes, Endpoints, EndpointSlices, Events."""

import base64

import pytest

from controlplane.api.errors import StatusError
from controlplane.api.registry import WriteOptions
from controlplane.api.strategies.cluster_objects import NamespaceStrategy
from controlplane.api.strategies.registry import strategies
from tests.unit.controlplane.support import config_map, make_client


async def make():
    return await make_client(strategies())


async def refusal(resource, obj):
    client = await make()
    with pytest.raises(StatusError) as caught:
        await client.create(resource, obj)
    return caught.value.message


def named(**fields):
    return {"metadata": {"name": "x", "namespace": "default"}, **fields}


async def test_an_immutable_config_map_stays():
    client = await make()
    await client.create("configmaps", config_map() | {"immutable": True})
    for change in (
        lambda c: c["data"].update(key="2"),
        lambda c: c.update(immutable=False),
    ):
        with pytest.raises(StatusError, match="field is immutable when `immutable` is set"):
            await client.patch("configmaps", "cm", change, "default")


async def test_string_data_becomes_data():
    made = await (await make()).create("secrets", named(stringData={"a": "b"}))
    assert made["data"] == {"a": base64.b64encode(b"b").decode()}
    assert "stringData" not in made
    assert made["type"] == "Opaque"


@pytest.mark.parametrize(
    ("resource", "obj", "message"),
    [
        ("configmaps", named(data={"a b": "c"}), "a valid config key must consist of"),
        ("configmaps", named(data={"..": "c"}), "must not be '..'"),
        ("configmaps", named(data={"k": "x" * (2**20 + 1)}), "Too long"),
        ("configmaps", named(data={"k": "v"}, binaryData={"k": "dg=="}), "duplicate of key"),
        ("secrets", named(data={"k": "%%"}), "data[k]: Invalid value"),
        ("secrets", named(type="kubernetes.io/tls"), "data[tls.crt]: Required value"),
        (
            "endpoints",
            named(subsets=[{"addresses": [{"ip": "127.0.0.1"}]}]),
            "subsets[0].addresses[0].ip: Invalid value",
        ),
        ("endpoints", named(subsets=[{}]), "subsets[0]: Required value"),
        (
            "endpoints",
            named(subsets=[{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 0}]}]),
            "subsets[0].ports[0].port: Invalid value: 0",
        ),
        ("endpointslices.discovery.k8s.io", named(), "addressType: Required value"),
        (
            "endpointslices.discovery.k8s.io",
            named(addressType="IPv4", endpoints=[{"addresses": ["fd00::1"]}]),
            "endpoints[0].addresses[0]: Invalid value",
        ),
        (
            "endpointslices.discovery.k8s.io",
            named(addressType="IPv4", endpoints=[{"addresses": []}]),
            "endpoints[0].addresses: Required value: must contain at least 1 address",
        ),
        (
            "endpointslices.discovery.k8s.io",
            named(addressType="IPv4", endpoints=[{"addresses": ["10.0.0.1"]}] * 1001),
            "Too many: 1001: must have at most 1000 items",
        ),
        ("nodes", named(spec={"podCIDR": "x"}), "spec.podCIDRs[0]: Invalid value"),
        (
            "nodes",
            named(spec={"taints": [{"key": "k", "effect": "X"}]}),
            'spec.taints[0].effect: Unsupported value: "X"',
        ),
        (
            "events",
            named(involvedObject={"kind": "Pod", "name": "p", "namespace": "other"}),
            "does not match event.namespace",
        ),
    ],
)
async def test_refusals(resource, obj, message):
    assert message in await refusal(resource, obj)


async def test_a_namespace_is_labelled_held_and_active():
    client = await make()
    made = await client.create("namespaces", {"metadata": {"name": "shop"}})
    assert made["metadata"]["labels"] == {"kubernetes.io/metadata.name": "shop"}
    assert made["spec"] == {"finalizers": ["kubernetes"]}
    assert made["status"] == {"phase": "Active"}
    kept = await client.patch("namespaces", "shop", lambda n: n.update(spec={}))
    assert kept["spec"] == {"finalizers": ["kubernetes"]}
    going = await client.delete("namespaces", "shop")
    assert going["status"]["phase"] == "Terminating"
    await client.patch("namespaces", "shop", lambda n: n.update(spec={}), subresource="finalize")
    names = {n["metadata"]["name"] for n in (await client.list("namespaces"))[0]}
    assert "shop" not in names


async def test_a_nodes_cidr_never_changes():
    client = await make()
    await client.create("nodes", named(spec={"podCIDR": "10.244.0.0/24"}))
    other = {"podCIDR": "10.244.1.0/24", "podCIDRs": ["10.244.1.0/24"]}
    with pytest.raises(StatusError, match="node updates may not change podCIDR"):
        await client.patch("nodes", "x", lambda node: node["spec"].update(other))


async def test_a_node_has_one_cidr_of_a_family():
    client = await make()
    two = {"podCIDRs": ["10.244.0.0/24", "10.244.1.0/24"]}
    with pytest.raises(StatusError, match="no more than one CIDR for each IP family"):
        await client.create("nodes", named(spec=two))


async def test_an_address_type_never_changes():
    client = await make()
    resource = "endpointslices.discovery.k8s.io"
    await client.create(resource, named(addressType="IPv4", ports=[{"port": 80}]))
    with pytest.raises(StatusError, match="field is immutable"):
        await client.patch(resource, "x", lambda s: s.update(addressType="IPv6"), "default")


async def test_an_event_gets_its_times():
    involved = {"kind": "Pod", "name": "p", "namespace": "default"}
    made = await (await make()).create("events", named(involvedObject=involved))
    assert made["firstTimestamp"] == made["lastTimestamp"] == "2030-01-01T00:00:00Z"
    assert made["type"] == "Normal"


def foreign(name, cidr="", address=""):
    annotations = {"flannel.alpha.coreos.com/public-ip": address} if address else {}
    return {"metadata": {"name": name, "annotations": annotations}, "spec": {"podCIDR": cidr}}


@pytest.mark.parametrize(
    ("cidr", "message"),
    [
        ("10.244.1.0/24", "overlaps 10.244.1.0/24 of node held"),
        ("10.244.1.128/28", "overlaps 10.244.1.0/24 of node held"),
        ("10.244.0.0/16", "overlaps 10.244.1.0/24 of node held"),
        ("0.0.0.0/0", "must lie in the cluster's pod CIDR 10.244.0.0/16"),
        ("10.96.0.0/16", "must lie in the cluster's pod CIDR 10.244.0.0/16"),
        ("fd00::/64", "must lie in the cluster's pod CIDR 10.244.0.0/16"),
    ],
)
async def test_a_node_takes_no_part_of_the_network_from_others(cidr, message):
    client = await make()
    await client.create("nodes", foreign("held", "10.244.1.0/24"))
    with pytest.raises(StatusError, match=r"spec\.podCIDRs") as caught:
        await client.create("nodes", foreign("greedy", cidr))
    assert message in caught.value.message
    await client.create("nodes", foreign("late"))
    with pytest.raises(StatusError, match=r"spec\.podCIDRs"):
        await client.patch("nodes", "late", lambda node: node["spec"].update(podCIDR=cidr))
    await client.create("nodes", foreign("fine", "10.244.2.0/24"))


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("172.18.0.11", "is the address of node held"),
        ("127.0.0.1", "may not be unspecified, loopback or multicast"),
        ("999.1.1.1", "must be a valid IP address"),
    ],
)
async def test_a_foreign_node_needs_an_address_of_its_own(address, message):
    client = await make()
    await client.create("nodes", foreign("held", "10.244.1.0/24"))
    addresses = {"addresses": [{"type": "InternalIP", "address": "172.18.0.11"}]}
    await client.patch(
        "nodes", "held", lambda node: node.update(status=addresses), subresource="status"
    )
    with pytest.raises(StatusError, match="public-ip") as caught:
        await client.create("nodes", foreign("other", "10.244.2.0/24", address))
    assert message in caught.value.message
    await client.create("nodes", foreign("other", "10.244.2.0/24", "172.18.0.12"))


def test_a_namespaces_finalizers_have_names():
    strategy = NamespaceStrategy()
    assert (
        strategy.validate({"spec": {"finalizers": ["kubernetes", "example.org/own"]}}, None) == []
    )
    (wrong,) = strategy.validate({"spec": {"finalizers": ["kubernetes", ""]}}, None)
    assert wrong.path == "spec.finalizers[1]"


async def test_a_proxy_mode_that_is_none_is_said():
    client = await make_client(strategies())
    registry, resource = client.registry, client.registry.resources.by_name("nodes")
    for name, mode, count in (("a", "nftables", 0), ("b", "iptable", 1)):
        node = {"metadata": {"name": name, "labels": {"kubehop.dev/proxy-mode": mode}}}
        options = WriteOptions()
        await registry.create(resource, None, node, options)
        assert len(options.warnings) == count
        assert all(mode in warning and "nftables" in warning for warning in options.warnings)
