"""Requests that are wrong on purpose: a Status with a code of the client's, in little time."""

import json

import pytest

from tests.unit.controlplane.support import config_map, deployment, json_of, make_client, serving

CMS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web"},
    "spec": {"containers": [{"name": "a", "image": "x"}]},
}


@pytest.fixture
async def api():
    async with serving(await make_client()) as session:
        yield session


def manifest(**fields):
    return {"apiVersion": "v1", "kind": "ConfigMap", **config_map(), **fields}


async def refused(response, code, reason):
    status = await json_of(response)
    assert (response.status, status["kind"], status["status"]) == (code, "Status", "Failure")
    assert (status["code"], status["reason"]) == (code, reason)
    return status["message"]


async def test_a_patch_that_wants_too_much_memory_is_refused(api):
    assert (await api.post(CMS, json=manifest())).status == 201
    copies = [{"op": "copy", "from": "/data", "path": f"/data/x{n}"} for n in range(40)]
    headers = {"Content-Type": "application/json-patch+json"}
    answer = await api.patch(f"{CMS}/cm", data=json.dumps(copies), headers=headers)
    assert "accumulated size" in await refused(answer, 413, "RequestEntityTooLarge")


@pytest.mark.parametrize(
    "text", ["[" * 30_000 + "]" * 30_000, "{a: " * 30_000 + "1" + "}" * 30_000]
)
async def test_yaml_that_is_nested_too_deeply_is_refused(api, text):
    answer = await api.post(CMS, data=text, headers={"Content-Type": "application/yaml"})
    assert "nested too deeply" in await refused(answer, 400, "BadRequest")
    headers = {"Content-Type": "application/apply-patch+yaml"}
    answer = await api.patch(f"{CMS}/cm?fieldManager=x", data=text, headers=headers)
    assert "nested too deeply" in await refused(answer, 400, "BadRequest")


async def test_half_a_character_is_replaced(api):
    text = json.dumps(manifest(data={"a": "\ud800!"}))
    answer = await api.post(CMS, data=text, headers={"Content-Type": "application/json"})
    assert answer.status == 201
    assert (await json_of(answer))["data"] == {"a": "\ufffd!"}


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", "9" * 5000])
async def test_numbers_that_json_has_not_are_refused(api, number):
    text = '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "generation": %s}}'
    answer = await api.post(CMS, data=text % number, headers={"Content-Type": "application/json"})
    await refused(answer, 400, "BadRequest")
    headers = {"Content-Type": "application/merge-patch+json"}
    data = f'{{"metadata": {{"generation": {number}}}}}'
    assert (await api.post(CMS, json=manifest())).status == 201
    await refused(await api.patch(f"{CMS}/cm", data=data, headers=headers), 400, "BadRequest")


async def test_half_a_character_in_a_kind_is_refused(api):
    answer = await api.post(CMS, json=manifest(apiVersion="\ud800"))
    await refused(answer, 400, "BadRequest")


@pytest.mark.parametrize(("method", "path"), [("POST", f"{CMS}/cm"), ("PUT", CMS), ("PATCH", CMS)])
async def test_methods_that_do_not_fit_the_path_are_refused(api, method, path):
    answer = await api.request(method, path, json=manifest())
    await refused(answer, 405, "MethodNotAllowed")


@pytest.mark.parametrize("scale", [{"spec": 1}, {"metadata": "x"}])
async def test_a_scale_that_is_none_is_refused(api, scale):
    assert (
        await api.post(
            DEPLOYMENTS, json={"apiVersion": "apps/v1", "kind": "Deployment", **deployment()}
        )
    ).status == 201
    headers = {"Content-Type": "application/merge-patch+json"}
    answer = await api.patch(f"{DEPLOYMENTS}/web/scale", data=json.dumps(scale), headers=headers)
    await refused(answer, 400, "BadRequest")


WRONG = [1, "x", [1], True, 1.5]


@pytest.mark.parametrize("wrong", WRONG)
async def test_arguments_of_wrong_types_are_refused(api, wrong):
    assert (await api.post(PODS, json=POD)).status == 201
    reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
    for method, path, sent in (
        ("POST", f"{PODS}/web/binding", {"target": wrong}),
        ("POST", f"{PODS}/web/binding", wrong),
        ("POST", f"{PODS}/web/eviction", {"deleteOptions": wrong}),
        ("POST", f"{PODS}/web/eviction", {"deleteOptions": {"preconditions": wrong}}),
        ("DELETE", f"{PODS}/web", {"preconditions": wrong}),
        ("DELETE", PODS, {"dryRun": [wrong, {}]}),
        ("POST", reviews, {**review, "metadata": wrong}),
    ):
        await refused(await api.request(method, path, json=sent), 400, "BadRequest")
    await refused(
        await api.delete(f"{PODS}/web", json={"gracePeriodSeconds": "x"}), 400, "BadRequest"
    )


@pytest.mark.parametrize("manager", ["kubectl", "other"])
@pytest.mark.parametrize("wrong", WRONG)
async def test_an_apply_with_metadata_of_wrong_types_is_refused(api, wrong, manager):
    assert (await api.post(CMS, json=manifest())).status == 201
    headers = {"Content-Type": "application/apply-patch+yaml"}
    for metadata in (wrong, {"annotations": wrong}):
        text = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
        path = f"{CMS}/cm?fieldManager={manager}"
        await refused(await api.patch(path, data=text, headers=headers), 400, "BadRequest")


@pytest.mark.parametrize("revision", ["9" * 5000, "-1", "\u0663"])
async def test_a_revision_that_is_no_number_is_refused(api, revision):
    await refused(await api.get(CMS, params={"resourceVersion": revision}), 422, "Invalid")


async def test_a_kind_that_nothing_acts_upon_is_kept_with_a_warning(api):
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    created = await api.post("/api/v1/namespaces/default/persistentvolumeclaims", json=claim)
    assert created.status == 201
    assert created.headers["Warning"] == (
        '299 - "kubehop keeps this PersistentVolumeClaim, but its volume is a directory that goes '
        'with each pod"'
    )
