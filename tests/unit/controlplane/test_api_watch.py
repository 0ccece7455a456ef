"""Lists and watches over HTTP: selectors, chunks, versions, bookmarks, representations."""

import json

import pytest

from tests.unit.controlplane.support import config_map, json_of, make_client, serving

CMS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
async def client():
    return await make_client()


@pytest.fixture
async def api(client):
    async with serving(client) as session:
        yield session


async def fill(client, *names, **labels):
    for name in names:
        await client.create("configmaps", config_map(name, labels=labels))


async def events_of(response, count):
    found = []
    async for line in response.content:
        found.append(json.loads(line))
        if len(found) == count:
            break
    return found


def shown(events):
    return [(event["type"], event["object"]["metadata"].get("name")) for event in events]


async def test_chunks(api, client):
    await fill(client, "a", "b", "c")
    first = await json_of(await api.get(f"{CMS}?limit=2"))
    assert first["metadata"]["remainingItemCount"] == 1
    await client.delete("configmaps", "c", "default")
    token = first["metadata"]["continue"]
    rest = await json_of(await api.get(f"{CMS}?limit=2&continue={token}"))
    assert [item["metadata"]["name"] for item in rest["items"]] == ["c"]
    await client.registry.store.compact(client.registry.store.revision())
    expired = await api.get(f"{CMS}?limit=2&continue={token}")
    assert (expired.status, (await json_of(expired))["reason"]) == (410, "Expired")


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("labelSelector=app%3Dx", ["a", "b"]),
        ("labelSelector=app+in+(y,z)", ["c"]),
        ("labelSelector=!app", []),
        ("fieldSelector=metadata.name%3Db", ["b"]),
        ("fieldSelector=metadata.name!%3Db,", ["a", "c"]),
    ],
)
async def test_selectors(api, client, query, names):
    await fill(client, "a", "b", app="x")
    await fill(client, "c", app="y")
    found = await json_of(await api.get(f"{CMS}?{query}"))
    assert [item["metadata"]["name"] for item in found["items"]] == names


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("labelSelector=a%3D%3D%3Db", 400),
        ("fieldSelector=spec.nope%3Dx", 400),
        ("resourceVersion=abc", 422),
        ("resourceVersion=99999", 504),
        ("resourceVersionMatch=Exact", 422),
        ("sendInitialEvents=true&watch=1", 422),
        ("limit=-1", 400),
        ("watch=maybe", 400),
        ("continue=garbage", 400),
    ],
)
async def test_wrong_parameters(api, query, code):
    response = await api.get(f"{CMS}?{query}")
    assert (response.status, (await json_of(response))["kind"]) == (code, "Status")


async def test_exact_past_version(api, client):
    await fill(client, "a")
    revision = client.registry.store.revision()
    await fill(client, "b")
    past = await json_of(
        await api.get(f"{CMS}?resourceVersion={revision}&resourceVersionMatch=Exact")
    )
    assert [item["metadata"]["name"] for item in past["items"]] == ["a"]


async def test_watch_from_a_list(api, client):
    await fill(client, "a")
    version = (await json_of(await api.get(CMS)))["metadata"]["resourceVersion"]
    response = await api.get(f"{CMS}?watch=True&resourceVersion={version}")
    await fill(client, "b")
    await client.delete("configmaps", "a", "default")
    assert shown(await events_of(response, 2)) == [("ADDED", "b"), ("DELETED", "a")]
    response.close()


@pytest.mark.parametrize("version", ["", "0"])
async def test_watch_without_a_version_starts_with_what_is_there(api, client, version):
    await fill(client, "a")
    response = await api.get(f"{CMS}?watch=1&resourceVersion={version}")
    await fill(client, "b")
    assert shown(await events_of(response, 2)) == [("ADDED", "a"), ("ADDED", "b")]
    response.close()


async def test_watch_of_one_object(api, client):
    await fill(client, "a", "b")
    response = await api.get(f"{CMS}?watch=1&fieldSelector=metadata.name%3Db&resourceVersion=0")
    assert shown(await events_of(response, 1)) == [("ADDED", "b")]
    response.close()


async def test_objects_come_into_and_leave_a_selection(api, client):
    await fill(client, "a", app="x")
    response = await api.get(f"{CMS}?watch=1&labelSelector=app%3Dx")

    def relabel(app):
        return lambda obj: obj["metadata"].update(labels={"app": app})

    await client.patch("configmaps", "a", relabel("y"), "default")
    await client.patch("configmaps", "a", relabel("x"), "default")
    found = await events_of(response, 3)
    assert shown(found) == [("ADDED", "a"), ("DELETED", "a"), ("ADDED", "a")]
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in found]
    assert versions == sorted(set(versions))
    response.close()


async def test_a_watch_ends_in_time_with_a_bookmark(api, client):
    await fill(client, "a")
    version = client.registry.store.revision()
    response = await api.get(
        f"{CMS}?watch=1&resourceVersion={version}&timeoutSeconds=1&allowWatchBookmarks=true"
    )
    lines = (await response.read()).splitlines()
    (bookmark,) = map(json.loads, lines)
    assert bookmark["type"] == "BOOKMARK"
    assert bookmark["object"]["metadata"] == {"resourceVersion": str(version)}
    assert (bookmark["object"]["kind"], bookmark["object"]["apiVersion"]) == ("ConfigMap", "v1")


async def test_initial_events_end_with_their_bookmark(api, client):
    await fill(client, "a")
    response = await api.get(
        f"{CMS}?watch=1&sendInitialEvents=true&allowWatchBookmarks=true"
        "&resourceVersionMatch=NotOlderThan"
    )
    added, bookmark = await events_of(response, 2)
    assert added["object"]["metadata"]["name"] == "a"
    assert bookmark["type"] == "BOOKMARK"
    annotations = bookmark["object"]["metadata"]["annotations"]
    assert annotations == {"k8s.io/initial-events-end": "true"}
    response.close()


async def test_too_old_a_version_is_an_error_event(api, client):
    await fill(client, "a", "b")
    await client.registry.store.compact(client.registry.store.revision())
    response = await api.get(f"{CMS}?watch=1&resourceVersion=1")
    (error,) = map(json.loads, (await response.read()).splitlines())
    assert (error["type"], error["object"]["code"], error["object"]["reason"]) == (
        "ERROR",
        410,
        "Expired",
    )


async def test_partial_metadata(api, client):
    await fill(client, "a")
    accept = {"Accept": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"}
    found = await json_of(await api.get(CMS, headers=accept))
    assert (found["kind"], found["apiVersion"]) == ("PartialObjectMetadataList", "meta.k8s.io/v1")
    assert found["items"][0]["kind"] == "PartialObjectMetadata"
    assert "data" not in found["items"][0]


async def test_tables(api, client):
    await fill(client, "a")
    accept = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
    found = await json_of(await api.get(CMS, headers=accept))
    assert (found["kind"], found["rows"][0]["cells"][0]) == ("Table", "a")
    response = await api.get(f"{CMS}?watch=1", headers=accept)
    await fill(client, "b")
    first, second = await events_of(response, 2)
    assert first["object"]["columnDefinitions"]
    assert not second["object"].get("columnDefinitions")
    response.close()


async def test_nothing_acceptable(api):
    response = await api.get(CMS, headers={"Accept": "text/html"})
    assert response.status == 406


async def test_events_are_encoded_once(client):
    watched = client.registry.store.watch("/registry/core/configmaps/", 1)
    async with serving(client) as api:
        one, two = [await api.get(f"{CMS}?watch=1&resourceVersion=1") for _ in range(2)]
        await fill(client, "a")
        assert await events_of(one, 1) == await events_of(two, 1)
        (event,) = await watched.batch()
        assert list(event.representations) == ["object/v1"]
        one.close()
        two.close()
