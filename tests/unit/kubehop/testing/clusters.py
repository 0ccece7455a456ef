"""A cluster of plain objects and of packets whose fate is written down."""

from kubehop.kubernetes.client import ApiError
from kubehop.testing import cluster as cluster_module
from kubehop.testing.cluster import Cluster
from tests.unit.kubehop.packetlines import ARMED, RESULT, SENDING, whole

DELIVERED = whole()


def lines(*packets_and_reply):
    return [ARMED, SENDING, *packets_and_reply, RESULT]


class Api:
    """A client of an API server; what it is asked for is kept in `asked`."""

    def __init__(self, objects=(), packet_lines=()):
        self.objects, self.packet_lines = dict(objects), packet_lines
        self.asked = []

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def get(self, path, parameters=None):
        if path in self.objects:
            found = self.objects[path]
            if isinstance(found, Exception):
                raise found
            return found
        if path.startswith("/api/v1/namespaces/") and path.count("/") > 5:
            raise ApiError(404, "NotFound", f"{path} is not there")
        return {"items": [], "resources": []}

    def apply(self, path, manifest):
        self.asked.append(("apply", path))
        namespace = path.split("/namespaces/")[1].split("/")[0]
        about = {"resourceVersion": "1", "namespace": namespace, **manifest["metadata"]}
        return {**manifest, "metadata": about}

    def delete(self, path):
        self.asked.append(("delete", path))

    def stream(self, path, body):
        self.asked.append(("trace", body.get("from"), body.get("to")))
        yield from self.packet_lines


def running_pod(name, namespace="default", ip="10.244.0.2", **labels):
    return {
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "uid": name, "labels": labels},
        "spec": {"nodeName": "n1", "containers": []},
        "status": {
            "phase": "Running",
            "podIPs": [{"ip": ip}],
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def pod_path(name, namespace="default"):
    return f"/api/v1/namespaces/{namespace}/pods/{name}"


def fake_cluster(monkeypatch, api, outside=()):
    monkeypatch.setattr(cluster_module, "load_credentials", lambda path: "credentials")
    monkeypatch.setattr(cluster_module, "ApiClient", lambda credentials, timeout_s: api)
    return Cluster("fake", "/kubeconfig", outside)
