"""StatefulSets at work, with agents that are real gRPC clients."""

from controlplane.controllers.revisions import RESOURCE as REVISIONS
from tests.unit.controlplane.running import cluster
from tests.unit.controlplane.support import deployment

SETS = "statefulsets.apps"


def stateful(name="db", replicas=2, **spec):
    obj = deployment(name, replicas=replicas)
    obj["spec"] |= {"serviceName": "peers", **spec}
    return obj


def ready(count):
    def accept(found):
        status = found[0].get("status", {}) if found else {}
        return status.get("readyReplicas", 0) == status.get("replicas") == count

    return accept


async def running_set(made, **options):
    agent = await made.agent()
    await made.create(SETS, stateful(**options))
    await made.eventually(SETS, ready(options.get("replicas", 2)))
    return agent


def image(name):
    def change(current):
        current["spec"]["template"]["spec"]["containers"][0]["image"] = name

    return change


async def test_pods_keep_their_names():
    async with cluster() as made:
        await running_set(made)
        pods = await made.items("pods")
        assert [p["metadata"]["name"] for p in pods] == ["db-0", "db-1"]
        assert [p["spec"]["hostname"] for p in pods] == ["db-0", "db-1"]
        first = pods[0]["metadata"]["uid"]
        await made.client.delete("pods", "db-0", "default")
        await made.eventually(
            "pods",
            lambda found: any(
                p["metadata"]["name"] == "db-0" and p["metadata"]["uid"] != first for p in found
            ),
        )
        await made.eventually(SETS, ready(2))
        events = await made.eventually("events", lambda found: len(found) > 5)
        assert "create Pod db-1 in StatefulSet db successful" in {e["message"] for e in events}


async def test_an_update_keeps_its_history_and_comes_back():
    async with cluster() as made:
        await running_set(made)
        before = (await made.get(SETS, "db"))["status"]["currentRevision"]

        def updated(found):
            status = found[0]["status"]
            return (
                status["currentRevision"] == status["updateRevision"]
                and status.get("updatedReplicas") == status.get("readyReplicas") == 2
            )

        await made.client.patch(SETS, "db", image("other"), "default")
        await made.eventually(
            SETS, lambda found: updated(found) and found[0]["status"]["currentRevision"] != before
        )
        pods = await made.items("pods")
        assert {p["spec"]["containers"][0]["image"] for p in pods} == {"other"}
        assert len(await made.items(REVISIONS)) == 2
        await made.client.patch(SETS, "db", image("nginx"), "default")
        await made.eventually(
            SETS, lambda found: updated(found) and found[0]["status"]["currentRevision"] == before
        )
        revisions = await made.items(REVISIONS)
        assert sorted(r["revision"] for r in revisions) == [2, 3]


async def test_history_has_its_limit():
    async with cluster() as made:
        await running_set(made, replicas=0, revisionHistoryLimit=1)
        for number in range(3):
            generation = 2 + number
            await made.client.patch(SETS, "db", image(f"image-{number}"), "default")
            await made.eventually(
                SETS,
                lambda found, wanted=generation: (
                    found[0]["status"].get("observedGeneration") == wanted
                ),
            )
        await made.eventually(REVISIONS, lambda found: len(found) == 2)


async def test_claims_are_made_once_and_go_with_the_set_if_wanted():
    claim = {
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    policy = {"whenDeleted": "Delete", "whenScaled": "Delete"}
    async with cluster() as made:
        await running_set(
            made,
            volumeClaimTemplates=[claim],
            persistentVolumeClaimRetentionPolicy=policy,
        )
        claims = await made.items("persistentvolumeclaims")
        assert [c["metadata"]["name"] for c in claims] == ["data-db-0", "data-db-1"]
        assert {c["status"]["phase"] for c in claims} == {"Bound"}
        await made.client.patch(SETS, "db", lambda s: s["spec"].update(replicas=1), "default")
        await made.gone("persistentvolumeclaims", "data-db-1")
        await made.client.delete(SETS, "db", "default", propagation_policy="Background")
        await made.gone("persistentvolumeclaims", "data-db-0")


async def test_a_pod_that_cannot_be_made_is_told_in_an_event():
    async with cluster() as made:
        db = stateful()
        db["spec"]["template"]["spec"]["containers"][0]["image"] = ""
        await made.create(SETS, db)
        events = await made.eventually(
            "events", lambda found: any(e["reason"] == "FailedCreate" for e in found)
        )
        failed = next(e for e in events if e["reason"] == "FailedCreate")
        assert failed["message"] == (
            'create Pod db-0 in StatefulSet db failed error: Pod "db-0" is invalid: '
            "spec.containers[0].image: Required value"
        )


async def test_a_pod_under_a_foreign_name_is_not_adopted():
    async with cluster() as made:
        await running_set(made, replicas=1)
        stray = {
            "metadata": {"name": "stray", "namespace": "default", "labels": {"app": "db"}},
            "spec": {"containers": [{"name": "c", "image": "nginx"}]},
        }
        await made.create("pods", stray)
        await made.client.patch(SETS, "db", lambda s: s["spec"].update(replicas=2), "default")
        await made.eventually(SETS, ready(2))
        assert not (await made.get("pods", "stray"))["metadata"].get("ownerReferences")


async def test_lost_identity_is_given_back():
    async with cluster() as made:
        await running_set(made, replicas=1)
        label = "apps.kubernetes.io/pod-index"
        await made.client.patch(
            "pods", "db-0", lambda p: p["metadata"]["labels"].pop(label) and None, "default"
        )
        await made.eventually(
            "pods", lambda found: found[0]["metadata"]["labels"].get(label) == "0"
        )
