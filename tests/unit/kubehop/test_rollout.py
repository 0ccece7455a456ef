import copy

import pytest

from kubehop.kubernetes import rollout
from kubehop.kubernetes.client import ApiError
from kubehop.kubernetes.rollout import NotRolledOut, await_removal, await_rollout

NS = "/api/v1/namespaces/ns"
APPS = "/apis/apps/v1/namespaces/ns"
SLICES = "/apis/discovery.k8s.io/v1"
DUMP = "/apis/kubehop.dev/v1alpha1/nodes/n/dump"
PATIENCE_S = 30.0


def meta(name, **more):
    return {"name": name, "namespace": "ns", "resourceVersion": "1", **more}


def pod(name="p", ready=True):
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    return {"kind": "Pod", "metadata": meta(name), "status": {"conditions": conditions}}


def workload(kind, wanted, generation=1, **status):
    return {
        "kind": kind,
        "metadata": meta("w", generation=generation),
        "spec": {"replicas": wanted, "selector": {"matchLabels": {"app": "w"}}},
        "status": status,
    }


def service(**spec):
    return {
        "kind": "Service",
        "metadata": meta("s"),
        "spec": {"selector": {"app": "w"}, "ipFamilies": ["IPv4"], **spec},
    }


def endpoints(*pods, family="IPv4", ready=True):
    listed = [{"targetRef": {"name": name}, "conditions": {"ready": ready}} for name in pods]
    return {
        "metadata": {"resourceVersion": "7"},
        "addressType": family,
        "endpoints": listed,
    }


class FakeApi:
    """Answers by path; a list of answers is given one by one, the last for ever."""

    def __init__(self, answers=None, revision=1):
        self._answers = {
            f"{NS}/pods": {"items": []},
            f"{NS}/events": {"items": []},
            "/api/v1/nodes": {"items": []},
            **(answers or {}),
        }
        self.asked = []
        self._revision = revision

    def apply(self, path, manifest):
        """Only the barrier is ever written."""
        assert path.endswith("/leases/kubehop-barrier")
        return {"metadata": {"resourceVersion": str(self._revision)}}

    def get(self, path, parameters=None):
        self.asked.append(path)
        found = self._answers[path]
        if isinstance(found, list):
            found = found.pop(0) if len(found) > 1 else found[0]
        if isinstance(found, Exception):
            raise found
        return copy.deepcopy(found)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(rollout, "_POLL_S", 0)


def refused(api, *applied):
    with pytest.raises(NotRolledOut) as error:
        await_rollout(api, applied, 0.0)
    return str(error.value)


@pytest.mark.parametrize(
    ("path", "unready", "ready"),
    [
        (
            f"{APPS}/deployments/w",
            workload("Deployment", 2, observedGeneration=1, updatedReplicas=2),
            workload("Deployment", 2, observedGeneration=1, updatedReplicas=2, availableReplicas=2),
        ),
        (
            f"{APPS}/deployments/w",  # what is said of an older generation does not count
            workload("Deployment", 1, 2, observedGeneration=1, updatedReplicas=1),
            workload(
                "Deployment", 1, 2, observedGeneration=2, updatedReplicas=1, availableReplicas=1
            ),
        ),
        (
            f"{APPS}/replicasets/w",
            workload("ReplicaSet", 1),
            workload("ReplicaSet", 1, observedGeneration=1, availableReplicas=1),
        ),
        (
            f"{APPS}/statefulsets/w",
            workload("StatefulSet", 3, observedGeneration=1, readyReplicas=2),
            workload("StatefulSet", 3, observedGeneration=1, readyReplicas=3),
        ),
        (
            f"{APPS}/daemonsets/w",
            workload("DaemonSet", 0, observedGeneration=1, desiredNumberScheduled=2, numberReady=1),
            workload("DaemonSet", 0, observedGeneration=1, desiredNumberScheduled=2, numberReady=2),
        ),
    ],
)
def test_a_workload_is_waited_for(path, unready, ready):
    api = FakeApi({path: [unready, unready, ready]})

    await_rollout(api, [unready], PATIENCE_S)

    assert api.asked.count(path) == 3


def test_a_workload_that_wants_no_pods_has_them():
    await_rollout(
        FakeApi({f"{APPS}/deployments/w": workload("Deployment", 0)}),
        [workload("Deployment", 0)],
        0.0,
    )


def test_a_workload_without_pods_and_one_with_a_bad_one_are_said():
    path = f"{APPS}/deployments/w"
    found = workload("Deployment", 2, observedGeneration=1)
    api = FakeApi({path: found})
    with_pods = FakeApi({path: found, f"{NS}/pods": {"items": [pod("bad", ready=False)]}})

    assert refused(api, found) == (
        "not ready after 0 s: Deployment ns/w: 0 of 2 pods are ready: it has no pods"
    )
    assert "0 of 2 pods are ready: pod bad: it is Pending and not ready" in refused(
        with_pods, found
    )


def test_a_pod_is_waited_for():
    api = FakeApi({f"{NS}/pods/p": [pod(ready=False), pod()]})

    await_rollout(api, [pod()], PATIENCE_S)

    assert api.asked.count(f"{NS}/pods/p") == 2
    assert "pod p: it is Pending" in refused(
        FakeApi({f"{NS}/pods/p": pod(ready=False)}), pod(ready=False)
    )


def test_a_service_has_all_ready_pods_in_all_its_families():
    dual = service(ipFamilies=["IPv4", "IPv6"])
    found = {
        f"{NS}/pods": {"items": [pod("a"), pod("b"), pod("unready", ready=False)]},
        f"{SLICES}/namespaces/ns/endpointslices": [
            {"items": []},
            {"items": [endpoints("a")]},
            {"items": [endpoints("a", "b"), endpoints("a", "b", family="IPv6", ready=False)]},
            {"items": [endpoints("a", "b"), endpoints("a", "b", family="IPv6")]},
        ],
    }
    api = FakeApi(found)

    await_rollout(api, [dual], PATIENCE_S)

    assert api.asked.count(f"{SLICES}/namespaces/ns/endpointslices") == 4
    found[f"{SLICES}/namespaces/ns/endpointslices"] = {"items": [endpoints("a")]}
    assert "Service ns/s has no endpoint for pod b" in refused(FakeApi(found), service())


def test_a_load_balancer_has_its_address():
    path = f"{NS}/services/s"
    ready = {**service(), "status": {"loadBalancer": {"ingress": [{"ip": "172.18.255.200"}]}}}
    found = {f"{SLICES}/namespaces/ns/endpointslices": {"items": []}}
    api = FakeApi(
        {**found, path: [service(), {**service(), "status": {"loadBalancer": {}}}, ready]}
    )

    await_rollout(api, [service(type="LoadBalancer")], PATIENCE_S)

    assert api.asked.count(path) == 3
    pending = FakeApi({**found, path: service()})
    message = "Service ns/s has no external address yet"
    assert message in refused(pending, service(type="LoadBalancer"))
    await_rollout(pending, [service(type="LoadBalancer", loadBalancerClass="a/b")], 0.0)


@pytest.mark.parametrize(
    "nothing_to_wait_for",
    [
        service(selector=None),
        service(type="ExternalName"),
        {"kind": "ConfigMap", "metadata": meta("c")},
        {"kind": "Namespace", "metadata": {"name": "n"}},
    ],
)
def test_other_things_are_there_at_once(nothing_to_wait_for):
    await_rollout(FakeApi(), [nothing_to_wait_for], 0.0)


def test_every_node_knows_of_what_was_applied():
    found = {
        "/api/v1/nodes": {"items": [{"metadata": {"name": "n"}}]},
        DUMP: [ApiError(503, "", "not connected"), {"revision": 12}, {"revision": 14}],
    }
    api = FakeApi(found, revision=14)

    await_rollout(api, [], PATIENCE_S)

    assert api.asked.count(DUMP) == 3
    behind = FakeApi({**found, DUMP: {"revision": 9}}, revision=14)
    assert "node n has not yet the Services" in refused(behind)
    gone = ApiError(503, "", "not connected")
    assert "node n: not connected" in refused(FakeApi({**found, DUMP: gone}))


def test_what_is_deleted_is_gone_and_no_node_works_by_it():
    gone = ApiError(404, "NotFound", "not found")
    path = f"{NS}/pods/p"
    found = {
        path: [pod(), pod(), gone],
        "/api/v1/nodes": {"items": [{"metadata": {"name": "n"}}]},
        DUMP: [{"revision": 13}, {"revision": 14}],
    }
    api = FakeApi(found, revision=14)

    await_removal(api, [path], PATIENCE_S)

    assert (api.asked.count(path), api.asked.count(DUMP)) == (3, 2)


def test_what_does_not_go_is_said_with_what_holds_it():
    held = {"kind": "Namespace", "metadata": {"name": "n"}, "spec": {"finalizers": ["a", "b"]}}
    for found, message in (
        (pod(), "not ready after 0 s: Pod ns/p is still there"),
        (held, "Namespace n is still there: its finalizers are a, b"),
    ):
        with pytest.raises(NotRolledOut) as error:
            await_removal(FakeApi({f"{NS}/pods/p": found}), [f"{NS}/pods/p"], 0.0)
        assert str(error.value).endswith(message)
    with pytest.raises(ApiError, match="no"):
        await_removal(FakeApi({NS: ApiError(403, "Forbidden", "no")}), [NS], 0.0)
