"""The index of what Services hold; that it equals a full list is a property test."""

import pytest

from controlplane.api.catalog import RESOURCES
from controlplane.api.client import Client
from controlplane.api.registry import Registry
from controlplane.api.strategies.registry import strategies
from controlplane.api.strategies.service_index import ServiceIndex
from controlplane.config import ClusterSettings
from controlplane.store.memory import MemoryStore


class CountingClient(Client):
    lists = 0

    async def list(self, resource, *arguments):
        self.lists += resource == "services"
        return await super().list(resource, *arguments)


@pytest.fixture
async def client():
    made = CountingClient(Registry(MemoryStore(8), RESOURCES, ClusterSettings(), strategies()))
    await made.create("namespaces", {"metadata": {"name": "default"}})
    return made


async def create(client, name, **spec):
    spec.setdefault("ports", [{"port": 80}])
    metadata = {"name": name, "namespace": "default"}
    return await client.create("services", {"metadata": metadata, "spec": spec})


async def test_it_asks_for_all_services_once(client):
    for number in range(20):
        await create(client, f"s{number}")
    assert client.lists == 1


async def test_own_addresses_and_ports_are_free_for_their_service(client):
    port = {"port": 80, "nodePort": 30080}
    mine = await create(client, "a", type="NodePort", clusterIP="10.96.0.7", ports=[port])
    index = ServiceIndex()
    await index.catch_up(client)
    own, others = index.without(mine), index.without(None)
    assert "10.96.0.7" not in own.ips
    assert 30080 not in own.node_ports
    assert "10.96.0.7" in others.ips
    assert 30080 in others.node_ports
    own.ips.add("10.96.0.9")
    assert "10.96.0.9" in own.ips
    assert "10.96.0.9" not in others.ips


async def test_a_history_too_short_is_made_good_by_a_list(client):
    index = ServiceIndex()
    await index.catch_up(client)
    before = client.lists
    await create(client, "kept", clusterIP="10.96.0.7")
    for number in range(10):
        await client.create(
            "configmaps", {"metadata": {"name": f"c{number}", "namespace": "default"}}
        )
    await index.catch_up(client)
    assert index.ips == {"10.96.0.7"}
    assert client.lists > before


async def test_a_store_that_ends_its_watches_is_still_known(client):
    index = ServiceIndex()
    await index.catch_up(client)
    await create(client, "a", clusterIP="10.96.0.7")
    client.registry.store.end_watches()
    await index.catch_up(client)
    await index.catch_up(client)
    assert index.ips == {"10.96.0.7"}
