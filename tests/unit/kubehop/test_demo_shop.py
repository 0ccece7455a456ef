import yaml

from kubehop.demo.shop import BACKEND, FRONTEND, NAMESPACE, apply_shop, shop_folder, wait_for_shop
from kubehop.kubernetes.paths import object_path


def pod(name, ready=True):
    status = "True" if ready else "False"
    return {
        "metadata": {"name": name},
        "status": {"conditions": [{"type": "Ready", "status": status}]},
    }


class FakeApi:
    """Deployments of one frontend and two backends, whose pods get ready one by one."""

    def __init__(self):
        self.applied = []
        self.ready = 0

    def apply(self, path, manifest):
        self.applied.append((path, manifest["kind"]))

    def get(self, path, parameters=None):
        if path.endswith("/deployments/frontend"):
            return {"spec": {"replicas": 1}}
        if path.endswith("/deployments/backend"):
            return {"spec": {"replicas": 2}}
        if path.endswith("/pods"):
            self.ready += 1
            count = 1 if parameters["labelSelector"] == "app=frontend" else 2
            return {"items": [pod(f"p{i}", ready=i < self.ready - 2) for i in range(count)]}
        assert path.endswith("/endpointslices")
        return {"items": [{"endpoints": [{"conditions": {"ready": True}}] * min(self.ready, 2)}]}


def test_the_manifests_are_found_and_have_what_the_demo_needs():
    manifests = [
        manifest
        for file in shop_folder().glob("*.yaml")
        for manifest in yaml.safe_load_all(file.read_text())
    ]

    found = {(m["kind"], m["metadata"]["name"]): m for m in manifests}
    assert set(found) == {
        ("Deployment", "frontend"),
        ("Deployment", "backend"),
        ("Service", "backend"),
        ("Service", "frontend"),
    }
    assert found["Deployment", "backend"]["spec"]["replicas"] >= 2
    assert found["Service", "backend"]["spec"]["selector"] == BACKEND
    assert found["Deployment", "frontend"]["spec"]["selector"]["matchLabels"] == FRONTEND
    assert all(object_path(m, NAMESPACE) for m in manifests)


def test_all_of_it_is_applied():
    api = FakeApi()

    apply_shop(api)

    assert [kind for _, kind in api.applied] == ["Deployment", "Service", "Deployment", "Service"]
    assert api.applied[1][0] == "/api/v1/namespaces/default/services/backend"


def test_waiting_ends_when_all_pods_are_ready_and_in_the_service():
    api = FakeApi()

    wait_for_shop(api, 30.0)

    assert api.ready == 4  # polled until the last pod was ready, and no longer
