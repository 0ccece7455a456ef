"""Services through the real registry: addresses, ports, rules, wording."""

from ipaddress import ip_address, ip_network
from random import Random
from typing import Any

import pytest

from controlplane.api.catalog import resource_table
from controlplane.api.client import Client
from controlplane.api.errors import StatusError
from controlplane.api.registry import Registry
from controlplane.api.strategies.registry import strategies
from controlplane.api.strategies.service import ServiceStrategy
from controlplane.config import ClusterSettings
from controlplane.store.memory import MemoryStore
from tests.unit.controlplane.families import DUAL_POD_CIDRS, DUAL_SERVICE_CIDRS


@pytest.fixture
async def client():
    table = strategies() | {("", "Service"): ServiceStrategy(Random(1))}
    client = Client(Registry(MemoryStore(), resource_table(), ClusterSettings(), table))
    await client.create("namespaces", {"metadata": {"name": "default"}})
    return client


def service(name: str = "web", **spec: Any) -> dict[str, Any]:
    spec.setdefault("ports", [{"port": 80}])
    return {"metadata": {"name": name, "namespace": "default"}, "spec": spec}


async def refusal(client: Client, obj: dict[str, Any]) -> str:
    with pytest.raises(StatusError) as caught:
        await client.create("services", obj)
    return caught.value.message


async def test_defaults(client):
    spec = (await client.create("services", service()))["spec"]
    assert spec["type"] == "ClusterIP"
    assert spec["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80}]
    assert spec["clusterIPs"] == [spec["clusterIP"]]
    assert spec["ipFamilies"] == ["IPv4"]
    assert spec["ipFamilyPolicy"] == "SingleStack"
    assert spec["internalTrafficPolicy"] == "Cluster"
    assert spec["sessionAffinity"] == "None"


async def test_two_services_never_share_an_address(client):
    ips = {
        (await client.create("services", service(f"s{n}")))["spec"]["clusterIP"] for n in range(40)
    }
    assert len(ips) == 40
    assert all(int(ip.split(".")[3]) + 256 * int(ip.split(".")[2]) >= 256 for ip in ips)


async def test_requested_address_is_given_once_and_returns(client):
    made = await client.create("services", service("dns", clusterIP="10.96.0.10"))
    assert made["spec"]["clusterIPs"] == ["10.96.0.10"]
    message = await refusal(client, service("other", clusterIP="10.96.0.10"))
    assert message == (
        'Service "other" is invalid: spec.clusterIPs: Invalid value: ["10.96.0.10"]: '
        "failed to allocate IP 10.96.0.10: provided IP is already allocated"
    )
    await client.delete("services", "dns", "default")
    await client.create("services", service("other", clusterIP="10.96.0.10"))


async def test_address_outside_the_range(client):
    message = await refusal(client, service(clusterIP="192.168.0.1"))
    assert "The range of valid IPs is 10.96.0.0/16" in message


async def test_headless_gets_no_address(client):
    spec = (await client.create("services", service(clusterIP="None", selector={"a": "b"})))["spec"]
    assert spec["clusterIPs"] == ["None"]
    assert spec["ipFamilies"] == ["IPv4"]


async def test_external_name(client):
    spec = (
        await client.create(
            "services", service(type="ExternalName", externalName="example.com", ports=[])
        )
    )["spec"]
    assert "clusterIP" not in spec
    assert "spec.externalName: Required value" in await refusal(
        client, service("x", type="ExternalName")
    )


async def test_node_ports(client):
    first = await client.create("services", service("a", type="NodePort"))
    assert 30086 <= first["spec"]["ports"][0]["nodePort"] <= 32767
    wanted = [{"port": 80, "nodePort": 30080}]
    await client.create("services", service("b", type="NodePort", ports=wanted))
    assert await refusal(client, service("c", type="NodePort", ports=wanted)) == (
        'Service "c" is invalid: spec.ports[0].nodePort: Invalid value: 30080: '
        "provided port is already allocated"
    )
    low = [{"port": 80, "nodePort": 80}]
    assert "The range of valid ports is 30000-32767" in await refusal(
        client, service("d", type="NodePort", ports=low)
    )


async def test_tcp_and_udp_of_one_port_share_a_node_port(client):
    ports = [
        {"name": "dns", "port": 53, "protocol": "UDP"},
        {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
    ]
    made = (await client.create("services", service(type="NodePort", ports=ports)))["spec"]["ports"]
    assert made[0]["nodePort"] == made[1]["nodePort"]


async def test_protocols_of_several_services_share_no_node_port(client):
    tcp = [{"port": 53, "protocol": "TCP", "nodePort": 30053}]
    udp = [{"port": 53, "protocol": "UDP", "nodePort": 30053}]
    await client.create("services", service("a", type="NodePort", ports=tcp))
    assert "provided port is already allocated" in await refusal(
        client, service("b", type="NodePort", ports=udp)
    )
    both = [{"name": "u", "port": 53, "protocol": "UDP"}, {"name": "t", **tcp[0]}]
    assert "provided port is already allocated" in await refusal(
        client, service("c", type="NodePort", ports=both)
    )


async def test_update_keeps_addresses_and_changes_type(client):
    made = await client.create("services", service())
    bare = service(type="NodePort")
    changed = await client.update("services", bare)
    assert changed["spec"]["clusterIP"] == made["spec"]["clusterIP"]
    node_port = changed["spec"]["ports"][0]["nodePort"]
    again = await client.update("services", service(type="NodePort"))
    assert again["spec"]["ports"][0]["nodePort"] == node_port
    back = await client.patch(
        "services", "web", lambda s: s["spec"].update(type="ClusterIP"), "default"
    )
    assert "nodePort" not in back["spec"]["ports"][0]
    assert "externalTrafficPolicy" not in back["spec"]


async def test_cluster_ip_is_immutable(client):
    await client.create("services", service())
    with pytest.raises(StatusError, match="may not change once set"):
        await client.update("services", service(clusterIP="10.96.0.77"))


async def test_becoming_external_name_frees_the_address(client):
    made = await client.create("services", service())
    await client.patch(
        "services",
        "web",
        lambda s: s["spec"].update(type="ExternalName", externalName="example.com"),
        "default",
    )
    await client.create("services", service("next", clusterIP=made["spec"]["clusterIP"]))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"ports": [{"port": 70000}]},
            "spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive",
        ),
        ({"ports": []}, "spec.ports: Required value"),
        ({"ports": [{"port": 80}, {"port": 81}]}, "spec.ports[0].name: Required value"),
        (
            {"ports": [{"port": 80, "name": "a"}, {"port": 80, "name": "b"}]},
            'spec.ports[1]: Duplicate value: {"protocol":"TCP","port":80}',
        ),
        (
            {"ports": [{"port": 80, "name": "a"}, {"port": 81, "name": "a"}]},
            'spec.ports[1].name: Duplicate value: "a"',
        ),
        ({"type": "Other"}, 'spec.type: Unsupported value: "Other"'),
        ({"sessionAffinity": "X"}, 'spec.sessionAffinity: Unsupported value: "X"'),
        (
            {"ports": [{"port": 80, "targetPort": "a--b"}]},
            "must not contain consecutive hyphens",
        ),
        (
            {"ports": [{"port": 80, "nodePort": 30000}]},
            "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
        ),
        ({"clusterIP": "nonsense"}, "must be a valid IP address"),
        ({"type": "NodePort", "clusterIP": "None"}, "may not be set to 'None'"),
        ({"ports": [{"port": 80, "protocol": "ICMP"}]}, 'Unsupported value: "ICMP"'),
        ({"externalIPs": ["x"]}, "spec.externalIPs[0]: Invalid value"),
    ],
)
async def test_refusals(client, spec, message):
    assert message in await refusal(client, service(**spec))
    assert (await client.list("services"))[0] == []


async def test_status_of_load_balancer_is_kept_out_of_create(client):
    made = await client.create("services", service(type="LoadBalancer"))
    assert made["status"] == {"loadBalancer": {}}
    assert made["spec"]["allocateLoadBalancerNodePorts"] is True


async def test_full_range_is_said_with_remedy():
    settings = ClusterSettings(service_cidrs=(ip_network("10.0.0.0/30"),))
    client = Client(Registry(MemoryStore(), resource_table(), settings, strategies()))
    await client.create("namespaces", {"metadata": {"name": "default"}})
    for name in ("a", "b"):
        await client.create("services", service(name))
    message = await refusal(client, service("c"))
    assert "range is full (the service CIDR 10.0.0.0/30" in message
    await client.delete("services", "a", "default")
    await client.create("services", service("c"))


@pytest.fixture
async def dual():
    settings = ClusterSettings(pod_cidrs=DUAL_POD_CIDRS, service_cidrs=DUAL_SERVICE_CIDRS)
    client = Client(Registry(MemoryStore(), resource_table(), settings, strategies()))
    await client.create("namespaces", {"metadata": {"name": "default"}})
    return client


def versions(ips: list[str]) -> list[int]:
    return [ip_address(text).version for text in ips]


async def test_a_dual_stack_service_has_an_address_of_each_range(dual):
    made = await dual.create("services", service(ipFamilyPolicy="PreferDualStack"))
    spec = made["spec"]
    assert versions(spec["clusterIPs"]) == [4, 6]
    assert spec["clusterIP"] == spec["clusterIPs"][0]
    for text, cidr in zip(spec["clusterIPs"], DUAL_SERVICE_CIDRS, strict=True):
        assert ip_address(text) in cidr


async def test_ipv6_first_and_single_stack_ipv6(dual):
    both = service("a", ipFamilyPolicy="RequireDualStack", ipFamilies=["IPv6"])
    assert versions((await dual.create("services", both))["spec"]["clusterIPs"]) == [6, 4]
    one = await dual.create("services", service("b", ipFamilies=["IPv6"]))
    assert versions(one["spec"]["clusterIPs"]) == [6]


async def test_upgrade_and_downgrade_keep_the_primary_address(dual):
    made = (await dual.create("services", service()))["spec"]

    async def change(policy):
        return (
            await dual.patch(
                "services", "web", lambda s: s["spec"].update(ipFamilyPolicy=policy), "default"
            )
        )["spec"]

    upgraded = await change("PreferDualStack")
    assert upgraded["clusterIPs"][0] == made["clusterIP"]
    assert upgraded["ipFamilies"] == ["IPv4", "IPv6"]
    downgraded = await change("SingleStack")
    assert downgraded["clusterIPs"] == [made["clusterIP"]]
    assert downgraded["ipFamilies"] == ["IPv4"]
    released = upgraded["clusterIPs"][1]
    other = service("other", clusterIP=released, ipFamilies=["IPv6"])
    assert (await dual.create("services", other))["spec"]["clusterIPs"] == [released]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"ipFamilies": ["IPv6", "IPv4"]},
            'spec.clusterIPs[0]: Invalid value: "10.96.0.7": '
            "expected an IPv6 value as indicated by `ipFamilies[0]`",
        ),
        ({"clusterIP": "10.96.0.8", "clusterIPs": ["10.96.0.8", "fd00:10:96::7"]}, "may not chang"),
        (
            {"clusterIPs": ["10.96.0.7"], "ipFamilies": ["IPv4"]},
            'spec.ipFamilyPolicy: Invalid value: "PreferDualStack": '
            "must be 'SingleStack' to release the secondary cluster IP",
        ),
        ({"clusterIPs": ["10.96.0.7", "fd00:10:96::8"]}, "spec.clusterIPs[1]: Invalid value"),
    ],
)
async def test_what_an_update_may_not_do(dual, change, message):
    both = {"clusterIPs": ["10.96.0.7", "fd00:10:96::7"], "ipFamilyPolicy": "PreferDualStack"}
    made = await dual.create("services", service(**both))
    with pytest.raises(StatusError) as caught:
        await dual.patch("services", "web", lambda s: s["spec"].update(change), "default")
    assert message in caught.value.message
    assert (await dual.get("services", "web", "default"))["spec"] == made["spec"]


async def test_requiring_two_families_of_a_cluster_with_one(client):
    assert await refusal(client, service(ipFamilyPolicy="RequireDualStack")) == (
        'Service "web" is invalid: spec.ipFamilyPolicy: Invalid value: "RequireDualStack": '
        "this cluster is not configured for dual-stack services"
    )
