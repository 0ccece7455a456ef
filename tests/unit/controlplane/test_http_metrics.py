"""What the API tells of its requests, over a real connection."""

import asyncio

import pytest

from tests.support.fake_agent import FakeAgent, FakeReader, node, serve_agent
from tests.support.prometheus import samples, value
from tests.unit.controlplane.support import make_client, serving

PODS = {"group": "", "version": "v1", "resource": "pods", "subresource": "",
        "component": "apiserver"}  # fmt: skip


@pytest.fixture
async def api():
    async with serving(await make_client()) as session:
        yield session


async def scrape(api):
    async with api.get("/metrics") as answer:
        assert answer.headers["Content-Type"].startswith("text/plain")
        return samples(await answer.read())


async def fetch(api, method, path, **more):
    async with api.request(method, path, **more) as answer:
        await answer.read()
        return answer.status


async def test_requests_by_verb_resource_and_code(api):
    pods = "/api/v1/namespaces/default/pods"
    await fetch(api, "GET", pods)
    await fetch(api, "GET", f"{pods}/nope")
    await fetch(api, "POST", f"{pods}?dryRun=All", json={})
    found = await scrape(api)
    total = "apiserver_request_total"
    assert value(found, total, **PODS, verb="LIST", scope="namespace", code="200", dry_run="") == 1
    assert value(found, total, **PODS, verb="GET", scope="resource", code="404", dry_run="") == 1
    posted = [labels for (name, labels), _ in found.items()
              if name == total and dict(labels)["verb"] == "POST"]  # fmt: skip
    assert [dict(labels)["dry_run"] for labels in posted] == ["All"]
    duration = "apiserver_request_duration_seconds_count"
    assert value(found, duration, **PODS, verb="LIST", scope="namespace") == 1
    inflight = "apiserver_current_inflight_requests"
    assert value(found, inflight, request_kind="readOnly") == 1  # this one
    assert value(found, inflight, request_kind="mutating") == 0
    assert value(found, "kubehop_store_revision") > 0


async def test_a_watch_counts_as_running_while_it_runs(api):
    running = {**PODS, "verb": "WATCH", "scope": "cluster"}
    async with api.get("/api/v1/pods?watch=1&timeoutSeconds=30") as watch:
        assert watch.status == 200
        found = await scrape(api)
        assert value(found, "apiserver_longrunning_requests", **running) == 1
    assert ("apiserver_request_duration_seconds_count", tuple(sorted(running.items()))) not in found


async def test_nonsense_makes_no_new_series(api):
    async with asyncio.TaskGroup() as tasks:
        for number in range(20):
            for path in (f"/api/v1/x{number}", f"/apis/x{number}/v1/y", f"/x{number}",
                         f"/api/v1/namespaces/default/pods/a/x{number}"):  # fmt: skip
                tasks.create_task(fetch(api, "GET", path))
            tasks.create_task(fetch(api, f"X{number}", "/api/v1/pods"))
    found = await scrape(api)
    assert len([name for name, _ in found if name == "apiserver_request_total"]) < 10


async def test_a_nodes_own_metrics():
    async with serve_agent(FakeAgent("worker")) as address:
        from controlplane.api.connections import stream_handlers
        from controlplane.rpc.agents import Agents

        reader = FakeReader(nodes=[node("worker", address)])
        agents = Agents(reader)
        async with serving(await make_client(), streams=stream_handlers(reader, agents)) as api:
            async with api.get("/api/v1/nodes/worker/proxy/metrics") as answer:
                assert (answer.status, await answer.text()) == (200, "# of worker\n")
            assert await fetch(api, "GET", "/api/v1/nodes/nope/proxy/metrics") == 404
            assert await fetch(api, "GET", "/api/v1/nodes/worker/proxy/pods") == 404
            assert await fetch(api, "POST", "/api/v1/nodes/worker/proxy/metrics") == 405
        await agents.close()
