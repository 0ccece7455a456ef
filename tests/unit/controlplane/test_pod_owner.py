"""What all controllers of pods have in common."""

from controlplane.controllers import pod_owner
from controlplane.controllers.replicaset import ReplicaSetController
from tests.unit.controlplane.running import cluster
from tests.unit.controlplane.support import deployment

SETS = "replicasets.apps"


async def test_in_a_crowd_not_every_change_is_looked_at(monkeypatch):
    looks = []
    sync = ReplicaSetController.sync

    async def counting(self, owner):
        looks.append(owner["metadata"]["name"])
        await sync(self, owner)

    monkeypatch.setattr(ReplicaSetController, "sync", counting)
    monkeypatch.setattr(pod_owner, "_FEW_PODS", 5)
    monkeypatch.setattr(pod_owner, "_REST_PER_POD_S", 0.01)
    async with cluster() as made:
        await made.agent()
        await made.create(SETS, deployment("rs", replicas=30))
        await made.eventually(SETS, lambda found: found[0]["status"].get("readyReplicas") == 30)
        assert len(looks) < 30
        await made.client.delete(SETS, "rs", "default", propagation_policy="Background")
        await made.eventually("pods", lambda found: not found)


async def test_pods_of_a_kind_of_the_same_name_are_none_of_its_business():
    async with cluster() as made:
        await made.agent()
        await made.create(SETS, deployment("rs", replicas=1))
        await made.eventually(SETS, lambda found: found[0]["status"].get("readyReplicas") == 1)
        owner = {
            "apiVersion": "example.org/v1",
            "kind": "ReplicaSet",
            "name": "rs",
            "uid": "u",
            "controller": True,
        }
        about = {
            "name": "theirs",
            "namespace": "default",
            "labels": {"app": "rs"},
            "ownerReferences": [owner],
        }
        spec = {"containers": [{"name": "c", "image": "i"}]}
        await made.create("pods", {"metadata": about, "spec": spec})
        await made.client.patch(SETS, "rs", lambda r: r["spec"].update(replicas=2), "default")
        await made.eventually(SETS, lambda found: found[0]["status"].get("readyReplicas") == 2)
        assert len(await made.items("pods")) == 3
