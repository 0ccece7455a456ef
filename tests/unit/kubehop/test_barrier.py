from kubehop.kubernetes.barrier import node_behind, raise_barrier
from kubehop.kubernetes.client import ApiError

LEASE = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kubehop-barrier"


class FakeApi:
    def __init__(self, revisions):
        self.revisions, self.applied = revisions, []

    def apply(self, path, manifest):
        self.applied.append((path, manifest["spec"]["renewTime"]))
        return {"metadata": {"resourceVersion": "42"}}

    def get(self, path, parameters=None):
        if path == "/api/v1/nodes":
            return {"items": [{"metadata": {"name": name}} for name in self.revisions]}
        found = self.revisions[path.split("/")[-2]]
        if isinstance(found, Exception):
            raise found
        return {"revision": found}


def test_each_barrier_is_a_write_of_its_own():
    api = FakeApi({})
    assert (raise_barrier(api), raise_barrier(api)) == (42, 42)
    (first, one), (second, other) = api.applied
    assert first == second == LEASE
    assert one < other


def test_the_first_node_that_is_behind_is_said():
    assert node_behind(FakeApi({"a": 42, "b": 43}), 42) == ""
    assert node_behind(FakeApi({"a": 42, "b": 41}), 42).startswith("node b has not yet")
    lost = ApiError(503, "", "not connected")
    assert node_behind(FakeApi({"a": lost, "b": 41}), 42) == "node a: not connected"
