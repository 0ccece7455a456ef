"""A control plane at work in this process: memory store, controllers, gRPC on loopback."""

import asyncio
from contextlib import asynccontextmanager

from controlplane.api.catalog import RESOURCES
from controlplane.api.client import Client
from controlplane.api.errors import StatusError
from controlplane.api.registry import Registry
from controlplane.api.strategies.registry import strategies
from controlplane.config import ClusterSettings
from controlplane.controllers.run import make_shared, run_controllers
from controlplane.rpc.listen import parse_listen
from controlplane.rpc.server import serve_rpc
from controlplane.store.memory import MemoryStore
from tests.support.member_agent import MemberAgent


class Cluster:
    """What a test drives. `eventually` waits on a condition by watching, never by time."""

    def __init__(self, client, shared, settings, target, tasks):
        self.client = client
        self.shared = shared
        self.settings = settings
        self.target = target
        self.tasks = tasks
        self.agents = []

    async def agent(self, number=1, run=True, **options):
        agent = await MemberAgent(self.target, number, **options).join()
        self.agents.append(agent)
        if run:
            agent.task = self.tasks.create_task(agent.run(0.2))
        return agent

    async def get(self, resource, name, namespace="default"):
        return await self.client.get(resource, name, namespace)

    async def items(self, resource, namespace=None, selector=None):
        return (await self.client.list(resource, namespace, selector))[0]

    async def eventually(self, resource, accept, namespace=None, timeout_s=10):
        """Waits until `accept(all objects)` is true; it is asked after every change."""
        async with asyncio.timeout(timeout_s):
            objects, revision = await self.client.list(resource, namespace)
            if accept(objects):
                return objects
            async for _ in self.client.watch(resource, namespace, revision):
                objects = await self.items(resource, namespace)
                if accept(objects):
                    return objects
        raise AssertionError("the watch ended")

    async def gone(self, resource, name, namespace="default"):
        await self.eventually(
            resource,
            lambda found: all(
                (o["metadata"]["name"], o["metadata"].get("namespace")) != (name, namespace)
                for o in found
            ),
        )

    async def create(self, resource, obj):
        return await self.client.create(resource, obj)

    async def exists(self, resource, name, namespace="default"):
        try:
            await self.client.get(resource, name, namespace)
        except StatusError:
            return False
        return True


@asynccontextmanager
async def cluster(grace_s=5.0, store=None, **settings):
    """A running control plane; everything in it ends with the block."""
    config = ClusterSettings(advertise_address="172.18.0.2", **settings)
    store = store or MemoryStore()
    client = Client(Registry(store, RESOURCES, config, strategies()))
    shared = make_shared(client, config)
    shared.heartbeats.grace_s = grace_s
    started = asyncio.Event()
    server = await serve_rpc(client, store, config, shared, [parse_listen("127.0.0.1:0")])
    async with asyncio.TaskGroup() as tasks:
        controllers = tasks.create_task(
            run_controllers(client, config, shared, ca_certificate="CA", started=started)
        )
        await started.wait()
        made = Cluster(client, shared, config, f"127.0.0.1:{server.ports[0]}", tasks)
        try:
            yield made
        finally:
            for agent in made.agents:
                if hasattr(agent, "task"):
                    agent.task.cancel()
                    await asyncio.wait([agent.task])
                await agent.close()
            await server.stop()
            controllers.cancel()
