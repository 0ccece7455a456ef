from pathlib import Path

import pytest

from kubehop.kubernetes.applying import NotApplied, apply_manifests, delete_manifests
from kubehop.kubernetes.client import ApiError, ApiUnreachable
from kubehop.kubernetes.manifests import Manifest

RESOURCES = {
    "/api/v1": [
        {"name": "pods", "kind": "Pod", "namespaced": True},
        {"name": "pods/status", "kind": "Pod", "namespaced": True},
        {"name": "namespaces", "kind": "Namespace", "namespaced": False},
    ],
    "/apis/apps/v1": [{"name": "deployments", "kind": "Deployment", "namespaced": True}],
}


class FakeApi:
    def __init__(self, refusal=None):
        self.asked, self.applied, self.deleted = [], [], []
        self._refusal = refusal

    def get(self, path):
        self.asked.append(path)
        if path not in RESOURCES:
            raise ApiError(404, "NotFound", "the server could not find the requested resource")
        return {"resources": RESOURCES[path]}

    def apply(self, path, manifest):
        if self._refusal:
            raise self._refusal
        self.applied.append(path)
        return {**manifest, "stored": True}

    def delete(self, path):
        if self._refusal:
            raise self._refusal
        self.deleted.append(path)


def manifest(kind, version="v1", **metadata):
    obj = {"apiVersion": version, "kind": kind, "metadata": {"name": "a", **metadata}}
    return Manifest(Path("file.yaml"), obj)


def test_every_kind_goes_where_the_server_says():
    api = FakeApi()

    applied = apply_manifests(
        api,
        [
            manifest("Namespace"),
            manifest("Pod"),
            manifest("Pod", namespace="other"),
            manifest("Deployment", "apps/v1"),
        ],
    )

    assert api.applied == [
        "/api/v1/namespaces/a",
        "/api/v1/namespaces/default/pods/a",
        "/api/v1/namespaces/other/pods/a",
        "/apis/apps/v1/namespaces/default/deployments/a",
    ]
    assert api.asked == ["/api/v1", "/apis/apps/v1"]
    assert all(obj["stored"] for obj in applied)


@pytest.mark.parametrize(("kind", "version"), [("Podd", "v1"), ("Pod", "nosuch/v1")])
def test_an_unknown_kind_is_said_in_the_words_of_kubectl(kind, version):
    message = rf'{kind} a \(file.yaml\) is refused: no matches for kind "{kind}" in version'
    with pytest.raises(NotApplied, match=message):
        apply_manifests(FakeApi(), [manifest(kind, version)])


def test_a_refusal_has_the_words_of_the_server():
    api = FakeApi(ApiError(422, "Invalid", "spec: Required value"))

    with pytest.raises(NotApplied, match=r"Pod a \(file.yaml\) is refused: spec: Required value"):
        apply_manifests(api, [manifest("Pod")])


def test_a_server_that_is_gone_is_no_refusal():
    with pytest.raises(ApiUnreachable):
        apply_manifests(FakeApi(ApiUnreachable("gone")), [manifest("Pod")])


def test_what_was_made_last_is_deleted_first():
    api = FakeApi()

    deleted = delete_manifests(api, [manifest("Namespace"), manifest("Pod", namespace="a")])

    assert api.deleted == deleted == ["/api/v1/namespaces/a/pods/a", "/api/v1/namespaces/a"]


def test_what_is_not_there_is_passed_over_but_an_unknown_kind_is_not():
    gone = FakeApi(ApiError(404, "NotFound", 'pods "a" not found'))
    assert delete_manifests(gone, [manifest("Pod")]) == []

    with pytest.raises(NotApplied, match=r"Podd a \(file.yaml\) is not deleted: no matches"):
        delete_manifests(FakeApi(), [manifest("Podd")])
    with pytest.raises(NotApplied, match="is not deleted: forbidden"):
        delete_manifests(FakeApi(ApiError(403, "Forbidden", "forbidden")), [manifest("Pod")])
