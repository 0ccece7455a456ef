"""Discovery, OpenAPI, version and health."""

import pytest

from controlplane.api.catalog import RESOURCES
from tests.unit.controlplane.support import json_of, make_client, serving

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


@pytest.fixture
async def api():
    async with serving(await make_client()) as session:
        yield session


async def test_aggregated_and_legacy_discovery_agree(api):
    aggregated = set()
    for root in ("/api", "/apis"):
        response = await api.get(root, headers={"Accept": f"{AGGREGATED},application/json"})
        assert response.headers["Content-Type"] == AGGREGATED
        for group in (await json_of(response))["items"]:
            for version in group["versions"]:
                for resource in version["resources"]:
                    name = (group["metadata"].get("name", ""), version["version"])
                    aggregated.add((*name, resource["resource"]))
                    for sub in resource.get("subresources", ()):
                        aggregated.add((*name, f"{resource['resource']}/{sub['subresource']}"))
    legacy = set()
    groups = (await json_of(await api.get("/apis/")))["groups"]
    paths = [("", "v1", "/api/v1")]
    paths += [(g["name"], v["version"], f"/apis/{v['groupVersion']}") for g in groups
              for v in g["versions"]]  # fmt: skip
    for group, version, path in paths:
        found = await json_of(await api.get(path))
        legacy |= {(group, version, resource["name"]) for resource in found["resources"]}
    assert aggregated == legacy
    assert len(aggregated) > len(list(RESOURCES))


async def test_api_versions_with_and_without_a_slash(api):
    for path in ("/api", "/api/"):
        assert (await json_of(await api.get(path)))["versions"] == ["v1"]


async def test_one_group(api):
    group = await json_of(await api.get("/apis/apps"))
    assert group["preferredVersion"] == {"groupVersion": "apps/v1", "version": "v1"}
    assert (await api.get("/apis/nope")).status == 404
    assert (await api.get("/apis/apps/v9")).status == 404


async def test_openapi_documents(api):
    index = (await json_of(await api.get("/openapi/v3")))["paths"]
    assert {"api/v1", "apis/apps/v1"} <= index.keys()
    url = index["apis/apps/v1"]["serverRelativeURL"]
    document = await json_of(await api.get(url))
    item = document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]
    assert "fieldValidation" in [p["name"] for p in item["patch"]["parameters"]]
    assert item["patch"]["x-kubernetes-group-version-kind"]["kind"] == "Deployment"
    assert "io.k8s.api.core.v1.PodSpec" in document["components"]["schemas"]
    assert (await api.get("/openapi/v3/apis/nope/v1")).status == 404
    assert (await api.get("/openapi/v2")).status == 404


async def test_every_document_is_complete(api):
    for path in (await json_of(await api.get("/openapi/v3")))["paths"]:
        document = await json_of(await api.get(f"/openapi/v3/{path}"))
        known = document["components"]["schemas"]
        stack = [document]
        while stack:
            node = stack.pop()
            if isinstance(node, dict):
                if isinstance(node.get("$ref"), str):
                    assert node["$ref"].rpartition("/")[2] in known
                stack.extend(node.values())
            elif isinstance(node, list):
                stack.extend(node)


async def test_version_and_health(api):
    version = await json_of(await api.get("/version/"))
    assert (version["major"], version["minor"]) == ("1", "33")
    for path in ("/healthz", "/livez", "/readyz"):
        assert await (await api.get(path)).text() == "ok"
    assert "apiserver_request_total" in await (await api.get("/metrics")).text()
    assert "/apis/apps/v1" in (await json_of(await api.get("/")))["paths"]
