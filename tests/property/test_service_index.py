"""The index of taken cluster IPs and node ports says what a full list of the Services says."""

import asyncio
from contextlib import suppress
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.api.catalog import RESOURCES
from controlplane.api.client import Client
from controlplane.api.errors import StatusError
from controlplane.api.registry import Registry
from controlplane.api.strategies.registry import strategies
from controlplane.api.strategies.service import ServiceStrategy
from controlplane.api.strategies.service_addresses import taken_ips, taken_node_ports
from controlplane.api.strategies.service_index import ServiceIndex
from controlplane.config import ClusterSettings
from controlplane.store.memory import MemoryStore
from tests.unit.controlplane.families import DUAL_SERVICE_CIDRS

NAMES = st.sampled_from(("a", "b", "c", "d"))
SPECS = st.fixed_dictionaries(
    {"type": st.sampled_from(("ClusterIP", "NodePort", "ExternalName"))},
    optional={
        "clusterIP": st.sampled_from(("None", "10.96.0.7", "fd00:10:96::7", "10.96.0.8")),
        "ipFamilyPolicy": st.sampled_from(("SingleStack", "PreferDualStack", "RequireDualStack")),
        "ipFamilies": st.sampled_from((["IPv4"], ["IPv6"], ["IPv6", "IPv4"])),
        "nodePort": st.sampled_from((30007, 30008)),
    },
)
STEPS = st.lists(
    st.tuples(st.sampled_from(("create", "update", "delete", "finalize", "look")), NAMES, SPECS),
    max_size=25,
)


@given(STEPS, st.sampled_from((2, 8192)))
@settings(max_examples=150, deadline=None)
def test_it_never_differs_from_a_full_list(steps, history):
    asyncio.run(_compare(steps, history))


async def _compare(steps, history):
    table = strategies() | {("", "Service"): ServiceStrategy(Random(1))}
    config = ClusterSettings(service_cidrs=DUAL_SERVICE_CIDRS)
    client = Client(Registry(MemoryStore(history), RESOURCES, config, table))
    await client.create("namespaces", {"metadata": {"name": "default"}})
    index = ServiceIndex()
    for action, name, spec in steps:
        with suppress(StatusError):
            await _take(client, action, name, spec)
        if action == "look":
            await _check(client, index)
    await _check(client, index)


async def _take(client, action, name, spec):
    about = {"name": name, "namespace": "default"}
    port = {"port": 80} | ({"nodePort": spec["nodePort"]} if "nodePort" in spec else {})
    wanted = {key: value for key, value in spec.items() if key != "nodePort"} | {"ports": [port]}
    if spec["type"] == "ExternalName":
        wanted = {"type": "ExternalName", "externalName": "example.com"}
    match action:
        case "create":
            await client.create("services", {"metadata": about, "spec": wanted})
        case "update":
            await client.patch(
                "services", name, lambda found: found["spec"].update(wanted), "default"
            )
        case "finalize":
            await client.patch("services", name, _toggle_finalizer, "default")
        case "delete":
            await client.delete("services", name, "default")


def _toggle_finalizer(service):
    held = service["metadata"].get("finalizers")
    service["metadata"]["finalizers"] = [] if held else ["example.com/hold"]


async def _check(client, index):
    await index.catch_up(client)
    services, _ = await client.list("services")
    assert index.ips == taken_ips(services)
    assert index.node_ports == taken_node_ports(services)
    holders = [ip for service in services for ip in taken_ips([service])]
    assert len(holders) == len(set(holders)), "two Services have one address"
