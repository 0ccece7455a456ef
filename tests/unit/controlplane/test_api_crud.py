"""Reads and writes over HTTP: statuses, bodies, parameters, and refusals as Status objects."""

import json
from io import BytesIO

import pytest

from controlplane.api.http.body import MAX_BODY_BYTES
from tests.unit.controlplane.support import config_map, deployment, json_of, make_client, serving

CMS = "/api/v1/namespaces/default/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"


@pytest.fixture
async def client():
    return await make_client()


@pytest.fixture
async def api(client):
    async with serving(client) as session:
        yield session


def manifest(**fields):
    return {"apiVersion": "v1", "kind": "ConfigMap", **config_map(), **fields}


def workload(**spec):
    obj = {"apiVersion": "apps/v1", "kind": "Deployment", **deployment()}
    obj["spec"] |= spec
    return obj


async def refused(response, code, reason):
    status = await json_of(response)
    assert (response.status, status["kind"], status["status"]) == (code, "Status", "Failure")
    assert (status["code"], status["reason"]) == (code, reason)
    return status["message"]


async def test_create_get_update_delete(api):
    created = await api.post(CMS, json=manifest())
    assert created.status == 201
    obj = await json_of(created)
    assert obj["metadata"]["managedFields"][0]["operation"] == "Update"
    got = await json_of(await api.get(f"{CMS}/cm"))
    assert got == obj
    got["data"] = {"key": "other"}
    updated = await api.put(f"{CMS}/cm", json=got)
    assert (updated.status, (await json_of(updated))["data"]) == (200, {"key": "other"})
    assert "modified" in await refused(await api.put(f"{CMS}/cm", json=got), 409, "Conflict")
    deleted = await json_of(await api.delete(f"{CMS}/cm"))
    assert (deleted["status"], deleted["details"]["name"]) == ("Success", "cm")
    message = await refused(await api.get(f"{CMS}/cm"), 404, "NotFound")
    assert message == 'configmaps "cm" not found'


async def test_an_object_that_stays_is_the_answer_to_delete(api):
    await api.post(CMS, json=manifest(metadata={"name": "cm", "finalizers": ["example.com/x"]}))
    left = await json_of(await api.delete(f"{CMS}/cm"))
    assert left["metadata"]["deletionTimestamp"]


async def test_yaml_in_and_out(api):
    body = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: y}\ndata: {d: '2001-01-01'}\n"
    created = await api.post(
        CMS,
        data=body,
        headers={"Content-Type": "application/yaml", "Accept": "application/yaml"},
    )
    assert created.status == 201
    assert "d: '2001-01-01'" in await created.text()


@pytest.mark.parametrize(
    ("body", "content_type", "code", "reason"),
    [
        (b"{", "application/json", 400, "BadRequest"),
        (b"[]", "application/json", 400, "BadRequest"),
        (b"\xff\xfe", "application/json", 400, "BadRequest"),
        (b'{"a":NaN}', "application/json", 400, "BadRequest"),
        (b"[" * 100_000, "application/json", 400, "BadRequest"),
        (b"a: [", "application/yaml", 400, "BadRequest"),
        (b"k8s\x00garbage", "application/vnd.kubernetes.protobuf", 400, "BadRequest"),
        (b"x", "text/plain", 415, "UnsupportedMediaType"),
        (b" " * (MAX_BODY_BYTES + 1), "application/json", 413, "RequestEntityTooLarge"),
    ],
)
async def test_bodies_that_are_none(api, body, content_type, code, reason):
    response = await api.post(CMS, data=BytesIO(body), headers={"Content-Type": content_type})
    await refused(response, code, reason)


async def test_yaml_bombs_are_refused(api):
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    response = await api.post(
        CMS, data="\n".join(lines), headers={"Content-Type": "application/yaml"}
    )
    assert "aliasing" in await refused(response, 400, "BadRequest")


async def test_kind_name_and_namespace_have_to_match(api):
    other = manifest() | {"kind": "Secret"}
    assert "cannot be handled" in await refused(await api.post(CMS, json=other), 400, "BadRequest")
    elsewhere = manifest(metadata={"name": "cm", "namespace": "other"})
    message = await refused(await api.post(CMS, json=elsewhere), 400, "BadRequest")
    assert "does not match the namespace" in message
    await api.post(CMS, json=manifest())
    message = await refused(
        await api.put(f"{CMS}/cm", json=manifest(metadata={"name": "x"})), 400, "BadRequest"
    )
    assert message.startswith("the name of the object (x) does not match the name on the URL (cm)")


async def test_strict_field_validation(api):
    bad = workload(replicaz=1)
    strict = await api.post(f"{DEPLOYMENTS}?fieldValidation=Strict", json=bad)
    assert await refused(strict, 400, "BadRequest") == (
        'Deployment in version "v1" cannot be handled as a Deployment: '
        'strict decoding error: unknown field "spec.replicaz"'
    )
    warned = await api.post(f"{DEPLOYMENTS}?fieldValidation=Warn", json=bad)
    assert warned.status == 201
    assert warned.headers["Warning"] == '299 - "unknown field \\"spec.replicaz\\""'
    assert "replicaz" not in (await json_of(warned))["spec"]


async def test_who_uses_a_deprecated_kind_is_told(api):
    path = "/api/v1/namespaces/default/endpoints"
    said = '299 - "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"'
    for answer in (await api.get(path), await api.get(f"{path}/no-such")):
        assert answer.headers["Warning"] == said
    assert "Warning" not in (await api.get(CMS)).headers


async def test_duplicate_fields(api):
    body = json.dumps(manifest())[:-1] + ', "data": {"key": "again"}}'
    headers = {"Content-Type": "application/json"}
    response = await api.post(f"{CMS}?fieldValidation=Strict", data=body, headers=headers)
    assert 'duplicate field "data"' in await refused(response, 400, "BadRequest")


async def test_wrong_types(api):
    response = await api.post(DEPLOYMENTS, json=workload(replicas="three"))
    assert (await refused(response, 400, "BadRequest")).endswith(
        "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas "
        "of type int32"
    )


async def test_dry_run_in_the_query_and_in_the_body(api, client):
    revision = client.registry.store.revision()
    created = await api.post(f"{CMS}?dryRun=All", json=manifest())
    assert created.status == 201
    assert client.registry.store.revision() == revision
    await api.post(CMS, json=manifest())
    options = {"kind": "DeleteOptions", "apiVersion": "v1", "dryRun": ["All"]}
    assert (await api.delete(f"{CMS}/cm", json=options)).status == 200
    assert (await api.get(f"{CMS}/cm")).status == 200
    message = await refused(await api.post(f"{CMS}?dryRun=Some", json=manifest()), 422, "Invalid")
    assert 'supported values: "All"' in message


@pytest.mark.parametrize(
    ("content_type", "patch"),
    [
        ("application/merge-patch+json", {"data": {"key": "new"}}),
        ("application/strategic-merge-patch+json", {"data": {"key": "new"}}),
        (
            "application/json-patch+json",
            [{"op": "replace", "path": "/data/key", "value": "new"}],
        ),
    ],
)
async def test_patches(api, content_type, patch):
    await api.post(CMS, json=manifest())
    response = await api.patch(
        f"{CMS}/cm", data=json.dumps(patch), headers={"Content-Type": content_type}
    )
    assert (response.status, (await json_of(response))["data"]) == (200, {"key": "new"})


async def test_a_patch_cannot_make_an_object_invalid(api):
    await api.post(DEPLOYMENTS, json=workload())
    response = await api.patch(
        f"{DEPLOYMENTS}/web?fieldValidation=Strict",
        data=json.dumps({"spec": {"nope": 1}}),
        headers={"Content-Type": "application/merge-patch+json"},
    )
    assert "unknown field" in await refused(response, 400, "BadRequest")


async def test_server_side_apply_creates_then_updates_then_conflicts(api):
    headers = {"Content-Type": "application/apply-patch+yaml"}

    async def apply(manager, value, force="false"):
        obj = manifest(data={"key": value}) | {"metadata": {"name": "cm"}}
        url = f"{CMS}/cm?fieldManager={manager}&force={force}"
        return await api.patch(url, data=json.dumps(obj), headers=headers)

    assert (await apply("one", "1")).status == 201
    assert (await apply("one", "2")).status == 200
    conflict = await apply("two", "3")
    status = await json_of(conflict)
    assert conflict.status == 409
    assert status["details"]["causes"][0]["reason"] == "FieldManagerConflict"
    forced = await apply("two", "3", "true")
    assert (await json_of(forced))["data"] == {"key": "3"}


async def test_apply_into_a_missing_namespace(api):
    response = await api.patch(
        "/api/v1/namespaces/nowhere/configmaps/cm?fieldManager=x",
        data=json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cm"}}),
        headers={"Content-Type": "application/apply-patch+yaml"},
    )
    message = await refused(response, 404, "NotFound")
    assert message == 'namespaces "nowhere" not found'


async def test_scale(api):
    await api.post(DEPLOYMENTS, json=workload())
    scale = await json_of(await api.get(f"{DEPLOYMENTS}/web/scale"))
    assert (scale["kind"], scale["spec"], scale["status"]["selector"]) == (
        "Scale",
        {"replicas": 1},
        "app=web",
    )
    patched = await api.patch(
        f"{DEPLOYMENTS}/web/scale",
        data=json.dumps({"spec": {"replicas": 4}}),
        headers={"Content-Type": "application/merge-patch+json"},
    )
    assert (await json_of(patched))["spec"] == {"replicas": 4}
    scale["spec"]["replicas"] = -1
    scale["metadata"].pop("resourceVersion")
    message = await refused(await api.put(f"{DEPLOYMENTS}/web/scale", json=scale), 422, "Invalid")
    assert "must be greater than or equal to 0" in message
    assert (await json_of(await api.get(f"{DEPLOYMENTS}/web")))["spec"]["replicas"] == 4


async def test_status_subresource(api):
    await api.post(DEPLOYMENTS, json=workload())
    obj = await json_of(await api.get(f"{DEPLOYMENTS}/web"))
    obj |= {"status": {"replicas": 2}, "spec": obj["spec"] | {"replicas": 7}}
    after = await json_of(await api.put(f"{DEPLOYMENTS}/web/status", json=obj))
    assert (after["status"], after["spec"]["replicas"]) == ({"replicas": 2}, 1)


async def test_binding_and_eviction(api):
    pods = "/api/v1/namespaces/default/pods"
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "c", "image": "nginx"}]},
    }
    assert (await api.post(pods, json=pod)).status == 201
    binding = {"target": {"kind": "Node", "name": "worker"}}
    assert (await api.post(f"{pods}/p/binding", json=binding)).status == 201
    again = await api.post(f"{pods}/p/binding", json=binding)
    assert "already assigned to node" in await refused(again, 409, "Conflict")
    assert (await json_of(await api.get(f"{pods}/p")))["spec"]["nodeName"] == "worker"
    assert (await api.post(f"{pods}/p/eviction", json={"metadata": {"name": "p"}})).status == 201
    assert (await api.get(f"{pods}/p")).status == 404


async def test_events_are_one_store_under_two_groups(api):
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "e"},
        "involvedObject": {"kind": "Pod", "name": "p"},
        "message": "hello",
        "count": 2,
    }
    assert (await api.post("/api/v1/namespaces/default/events", json=event)).status == 201
    base = "/apis/events.k8s.io/v1/namespaces/default/events"
    listed = await json_of(await api.get(f"{base}?fieldSelector=regarding.name=p"))
    (shown,) = listed["items"]
    assert (shown["note"], shown["regarding"]["name"], shown["deprecatedCount"]) == (
        "hello",
        "p",
        2,
    )
    assert shown["apiVersion"] == "events.k8s.io/v1"
    new = {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": "e2"},
        "regarding": {"kind": "Pod", "name": "q"},
        "note": "other",
    }
    assert (await api.post(base, json=new)).status == 201
    core = await json_of(await api.get("/api/v1/namespaces/default/events/e2"))
    assert (core["message"], core["involvedObject"]["name"]) == ("other", "q")


async def test_autoscalers_have_two_versions(api):
    v1, v2 = (
        f"/apis/autoscaling/{v}/namespaces/default/horizontalpodautoscalers" for v in ("v1", "v2")
    )
    obj = {
        "apiVersion": "autoscaling/v1",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "h"},
        "spec": {
            "maxReplicas": 3,
            "targetCPUUtilizationPercentage": 50,
            "scaleTargetRef": {"kind": "Deployment", "name": "web"},
        },
    }
    created = await api.post(v1, json=obj)
    assert created.status == 201
    assert (await json_of(created))["spec"] == obj["spec"]
    (metric,) = (await json_of(await api.get(f"{v2}/h")))["spec"]["metrics"]
    assert metric["resource"]["target"]["averageUtilization"] == 50
    (shown,) = (await json_of(await api.get(v1)))["items"]
    assert (shown["apiVersion"], shown["spec"]) == ("autoscaling/v1", obj["spec"])


async def test_reviews(api):
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    answer = await api.post(
        path, json=review | {"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}}
    )
    assert (answer.status, (await json_of(answer))["status"]["allowed"]) == (201, True)


@pytest.mark.parametrize(
    ("method", "path", "code", "reason"),
    [
        ("GET", "/nothing", 404, "NotFound"),
        ("GET", "/api/v1/nothings", 404, "NotFound"),
        ("GET", "/apis/none.example/v1/things", 404, "NotFound"),
        ("GET", "/api/v1/namespaces/default/pods/p/nothing", 404, "NotFound"),
        ("POST", "/api/v1/pods", 405, "MethodNotAllowed"),
        ("DELETE", "/api/v1/namespaces", 405, "MethodNotAllowed"),
        ("PUT", "/version", 405, "MethodNotAllowed"),
    ],
)
async def test_unknown_paths_and_methods_are_statuses(api, method, path, code, reason):
    await refused(await api.request(method, path), code, reason)


async def test_delete_collection(api):
    for name, tier in (("a", "x"), ("b", "y")):
        await api.post(CMS, json=manifest(metadata={"name": name, "labels": {"tier": tier}}))
    gone = await json_of(await api.delete(f"{CMS}?labelSelector=tier%3Dx"))
    assert [item["metadata"]["name"] for item in gone["items"]] == ["a"]
    left = await json_of(await api.get(CMS))
    assert [item["metadata"]["name"] for item in left["items"]] == ["b"]


async def test_a_bug_is_an_internal_error_that_does_not_show_itself(api, client, caplog):
    async def broken(*_, **__):
        raise ZeroDivisionError("secret detail")

    client.registry.get = broken
    message = await refused(await api.get(f"{CMS}/cm"), 500, "InternalError")
    assert "secret detail" not in message
    assert "secret detail" in caplog.text
