"""A Service that changes its type or policy, through the real registry: what goes, what stays."""

from random import Random
from typing import Any

import pytest

from controlplane.api.catalog import resource_table
from controlplane.api.client import Client
from controlplane.api.errors import StatusError
from controlplane.api.registry import Registry, WriteOptions
from controlplane.api.strategies.registry import strategies
from controlplane.api.strategies.service import ServiceStrategy
from controlplane.config import ClusterSettings
from controlplane.store.memory import MemoryStore

LOCAL = {"type": "LoadBalancer", "externalTrafficPolicy": "Local"}


@pytest.fixture
async def client():
    table = strategies() | {("", "Service"): ServiceStrategy(Random(1))}
    client = Client(Registry(MemoryStore(), resource_table(), ClusterSettings(), table))
    await client.create("namespaces", {"metadata": {"name": "default"}})
    return client


def service(name: str = "web", **spec: Any) -> dict[str, Any]:
    spec.setdefault("ports", [{"port": 80}])
    return {"metadata": {"name": name, "namespace": "default"}, "spec": spec}


async def create(client, name="web", **spec):
    return (await client.create("services", service(name, **spec)))["spec"]


async def patch(client, **spec):
    """Fields that are None are taken out, all others set; the Service that came of it."""

    def change(obj):
        for field, value in spec.items():
            if value is None:
                obj["spec"].pop(field, None)
            else:
                obj["spec"][field] = value

    return await client.patch("services", "web", change, "default")


async def test_a_balancer_that_is_local_gets_a_port_for_health_checks(client):
    spec = await create(client, **LOCAL)
    port = spec["healthCheckNodePort"]
    assert 30000 <= port <= 32767
    assert port != spec["ports"][0]["nodePort"]
    again = (await client.update("services", service(**LOCAL)))["spec"]
    assert again["healthCheckNodePort"] == port, "left out means: as it was"
    other = await create(client, "other", **LOCAL)
    assert other["healthCheckNodePort"] != port


async def test_a_port_for_health_checks_may_be_asked_for(client):
    assert (await create(client, **LOCAL, healthCheckNodePort=30500))[
        "healthCheckNodePort"
    ] == 30500
    for port, why in (
        (30500, "provided port is already allocated"),
        (80, "provided port is not in the valid range. The range of valid ports is 30000-32767"),
    ):
        with pytest.raises(StatusError) as caught:
            await create(client, "other", **LOCAL, healthCheckNodePort=port)
        assert caught.value.message == (
            f'Service "other" is invalid: spec.healthCheckNodePort: Invalid value: {port}: '
            f"failed to allocate requested HealthCheck NodePort {port}: {why}"
        )
    await client.delete("services", "web", "default")
    await create(client, "other", **LOCAL, healthCheckNodePort=30500)


async def test_node_ports_and_health_checks_do_not_share_a_port(client):
    ports = [{"port": 80, "nodePort": 30500}]
    with pytest.raises(StatusError, match="provided port is already allocated"):
        await create(client, **LOCAL, ports=ports, healthCheckNodePort=30500)


async def test_a_balancer_without_node_ports_is_checked_all_the_same(client):
    spec = await create(client, **LOCAL, allocateLoadBalancerNodePorts=False)
    assert "nodePort" not in spec["ports"][0]
    assert spec["healthCheckNodePort"]


async def test_a_balancer_without_node_ports_may_ask_for_one(client):
    ports = [{"name": "a", "port": 80, "nodePort": 30500}, {"name": "b", "port": 81}]
    spec = await create(
        client, type="LoadBalancer", allocateLoadBalancerNodePorts=False, ports=ports
    )
    assert [port.get("nodePort") for port in spec["ports"]] == [30500, None]
    with pytest.raises(StatusError, match="provided port is already allocated"):
        await create(client, "other", type="NodePort", ports=[{"port": 80, "nodePort": 30500}])


async def test_the_policy_cluster_gives_the_health_checks_port_back(client):
    port = (await create(client, **LOCAL))["healthCheckNodePort"]
    spec = (await patch(client, externalTrafficPolicy="Cluster"))["spec"]
    assert "healthCheckNodePort" not in spec
    await create(client, "heir", **LOCAL, healthCheckNodePort=port)


async def test_the_port_of_the_health_check_is_immutable(client):
    await create(client, **LOCAL)
    with pytest.raises(StatusError, match="healthCheckNodePort: Forbidden: field is immutable"):
        await patch(client, healthCheckNodePort=30999)


@pytest.mark.parametrize("kind", ["ClusterIP", "NodePort"])
async def test_a_balancers_fields_go_with_it(client, kind):
    await create(client, **LOCAL, loadBalancerClass="example.com/x")
    status = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}
    await client.patch(
        "services", "web", lambda s: s.update(status=status), "default", subresource="status"
    )
    made = await patch(client, type=kind)
    spec = made["spec"]
    for field in ("loadBalancerClass", "allocateLoadBalancerNodePorts", "healthCheckNodePort"):
        assert field not in spec
    assert made["status"] == {"loadBalancer": {}}
    if kind == "NodePort":
        assert spec["externalTrafficPolicy"] == "Local"
        assert spec["ports"][0]["nodePort"]
    else:
        assert "externalTrafficPolicy" not in spec
        assert "nodePort" not in spec["ports"][0]


async def test_what_the_client_changes_along_with_the_type_is_its_own_mistake(client):
    await create(client, type="LoadBalancer", loadBalancerClass="example.com/x")
    with pytest.raises(StatusError, match="may only be used when `type` is 'LoadBalancer'"):
        await patch(client, type="NodePort", loadBalancerClass="example.com/y")


async def test_external_addresses_make_a_cluster_ip_reachable_from_outside(client):
    spec = await create(client, externalIPs=["192.0.2.1"])
    assert spec["externalTrafficPolicy"] == "Cluster"
    spec = (await patch(client, externalIPs=None))["spec"]
    assert "externalTrafficPolicy" not in spec


async def test_from_external_name_and_back(client):
    await create(client, type="ExternalName", externalName="example.com", ports=[])
    spec = (await patch(client, type="ClusterIP", ports=[{"port": 80}]))["spec"]
    assert spec["clusterIPs"] == [spec["clusterIP"]]
    spec = (await patch(client, type="ExternalName"))["spec"]
    assert not {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"} & set(spec)


async def test_a_headless_service_stays_headless(client):
    await create(client, clusterIP="None", selector={"app": "web"})
    with pytest.raises(StatusError, match="may not change once set"):
        await patch(client, clusterIP="10.96.0.77", clusterIPs=["10.96.0.77"])


async def test_to_change_the_cluster_ip_alone_is_to_change_it(client):
    await create(client)
    with pytest.raises(StatusError) as caught:
        await patch(client, clusterIP="10.96.0.77")
    assert caught.value.message == (
        'Service "web" is invalid: spec.clusterIPs[0]: Invalid value: ["10.96.0.77"]: '
        "may not change once set"
    )


async def test_to_empty_the_cluster_ip_is_to_leave_it_out(client):
    given = (await create(client))["clusterIP"]
    spec = (await patch(client, clusterIP=""))["spec"]
    assert (spec["clusterIP"], spec["clusterIPs"]) == (given, [given])


async def test_a_status_that_makes_no_sense_is_refused(client):
    await create(client, type="LoadBalancer")
    status = {"loadBalancer": {"ingress": [{"ip": "nonsense"}]}}
    with pytest.raises(StatusError, match="must be a valid IP address"):
        await client.patch(
            "services", "web", lambda s: s.update(status=status), "default", subresource="status"
        )


async def test_the_writer_is_warned_of_what_has_no_effect(client):
    registry = client.registry
    services = registry.resources.by_name("services")
    asked = WriteOptions()
    web = service(clusterIP="None", sessionAffinity="ClientIP")
    await registry.create(services, "default", web, asked)
    said = ["spec.SessionAffinity is ignored for headless services"]
    assert asked.warnings == said
    for subresource, expected in (("", said), ("status", [])):
        asked = WriteOptions(subresource=subresource)
        await registry.update(services, "default", "web", lambda obj: obj, asked)
        assert asked.warnings == expected
