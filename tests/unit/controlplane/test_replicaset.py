"""ReplicaSets and ReplicationControllers at work, with agents that are real gRPC clients."""

from tests.unit.controlplane.running import cluster
from tests.unit.controlplane.support import deployment


def replication_controller(name="rc", replicas=2, labels=None):
    obj = deployment(name, replicas=replicas, labels=labels or {"app": name})
    obj["spec"]["selector"] = obj["spec"]["selector"]["matchLabels"]
    return obj


def ready(count):
    return lambda found: bool(found) and found[0].get("status", {}).get("readyReplicas", 0) == count


async def test_a_replication_controller_keeps_its_pods():
    async with cluster() as made:
        await made.agent()
        await made.create("replicationcontrollers", replication_controller())
        await made.eventually("replicationcontrollers", ready(2))
        pods = await made.items("pods")
        assert {p["metadata"]["ownerReferences"][0]["kind"] for p in pods} == {
            "ReplicationController"
        }
        await made.client.delete("pods", pods[0]["metadata"]["name"], "default")
        await made.gone("pods", pods[0]["metadata"]["name"])
        await made.eventually("replicationcontrollers", ready(2))
        scale = {"spec": {"replicas": 1}}
        await made.client.patch(
            "replicationcontrollers", "rc", lambda rc: rc["spec"].update(scale["spec"]), "default"
        )
        await made.eventually("pods", lambda found: len(found) == 1)
        events = await made.eventually("events", lambda found: "SuccessfulDelete" in reasons(found))
        about = [e for e in events if e["involvedObject"]["kind"] == "ReplicationController"]
        assert {e["source"]["component"] for e in about} == {"replication-controller"}


def reasons(events):
    return {event["reason"] for event in events}


async def test_a_pod_that_is_relabelled_is_let_go_and_replaced():
    async with cluster() as made:
        await made.agent()
        await made.create("replicasets.apps", deployment("rs", replicas=1))
        await made.eventually("replicasets.apps", ready(1))
        (pod,) = await made.items("pods")
        name = pod["metadata"]["name"]
        await made.client.patch(
            "pods", name, lambda p: p["metadata"]["labels"].update(app="debug"), "default"
        )
        pods = await made.eventually("pods", lambda found: len(found) == 2)
        freed = next(p for p in pods if p["metadata"]["name"] == name)
        if freed["metadata"].get("ownerReferences"):
            await made.eventually(
                "pods", lambda found: any(not p["metadata"].get("ownerReferences") for p in found)
            )
        await made.eventually("replicasets.apps", ready(1))
        # Back under its label it is adopted again, and is one too many.
        await made.client.patch(
            "pods", name, lambda p: p["metadata"]["labels"].update(app="rs"), "default"
        )
        await made.eventually("pods", lambda found: len(found) == 1)


async def test_what_cannot_be_created_is_said_in_status_and_event():
    async with cluster() as made:
        rs = deployment("rs", replicas=1)
        await made.create("replicasets.apps", rs)
        await made.eventually("pods", lambda found: len(found) == 1)

        def spoil(current):
            current["spec"]["replicas"] = 2
            current["spec"]["template"]["metadata"]["finalizers"] = ["not a name"]

        await made.client.patch("replicasets.apps", "rs", spoil, "default")
        (found,) = await made.eventually(
            "replicasets.apps", lambda found: found[0].get("status", {}).get("conditions")
        )
        (failure,) = found["status"]["conditions"]
        assert (failure["type"], failure["reason"]) == ("ReplicaFailure", "FailedCreate")
        assert "metadata.finalizers" in failure["message"]
        events = await made.eventually("events", lambda found: "FailedCreate" in reasons(found))
        failed = next(e for e in events if e["reason"] == "FailedCreate")
        assert failed["message"].startswith('Error creating: Pod "rs-')


async def test_minimum_ready_seconds_pass_before_a_pod_is_available():
    async with cluster() as made:
        await made.agent()
        rs = deployment("rs", replicas=1)
        rs["spec"]["minReadySeconds"] = 1
        await made.create("replicasets.apps", rs)
        await made.eventually("replicasets.apps", ready(1))
        found = await made.get("replicasets.apps", "rs")
        assert not found["status"].get("availableReplicas")
        await made.eventually(
            "replicasets.apps", lambda found: found[0]["status"].get("availableReplicas") == 1
        )


async def test_the_api_leaves_the_pods_of_a_replication_controller():
    async with cluster() as made:
        await made.create("replicationcontrollers", replication_controller(replicas=1))
        await made.eventually("pods", lambda found: len(found) == 1)
        await made.client.delete("replicationcontrollers", "rc", "default")
        await made.gone("replicationcontrollers", "rc")
        (pod,) = await made.items("pods")
        assert not pod["metadata"].get("ownerReferences")
