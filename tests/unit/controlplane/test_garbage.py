"""What goes with its owner, for every kind of owner and every way to delete one."""

import asyncio

import pytest

from tests.unit.controlplane.running import cluster
from tests.unit.controlplane.support import config_map, cron_job, deployment, job

SETS, JOBS = "statefulsets.apps", "jobs.batch"


def stateful():
    obj = deployment("owner", replicas=1)
    obj["spec"]["serviceName"] = "peers"
    return obj


def daemon():
    obj = deployment("owner")
    del obj["spec"]["replicas"]
    return obj


def controller():
    obj = deployment("owner")
    obj["spec"]["selector"] = {"app": "owner"}
    return obj


OWNERS = {
    "replicationcontrollers": (controller, "pods"),
    "replicasets.apps": (lambda: deployment("owner"), "pods"),
    "deployments.apps": (lambda: deployment("owner"), "replicasets.apps"),
    "statefulsets.apps": (stateful, "pods"),
    "daemonsets.apps": (daemon, "pods"),
    "jobs.batch": (lambda: job("owner"), "pods"),
    "cronjobs.batch": (lambda: cron_job("@every 1s", "owner", concurrencyPolicy="Forbid"), JOBS),
}


@pytest.mark.parametrize("resource", OWNERS)
@pytest.mark.parametrize("policy", ["Foreground", "Background", "Orphan"])
async def test_every_owner_kind(resource, policy):
    make, owned = OWNERS[resource]
    async with cluster() as made:
        await made.agent()
        await made.create(resource, make())

        def dependents(found):
            return [o for o in found if o["metadata"].get("ownerReferences")]

        await made.eventually(owned, dependents)
        await made.client.delete(resource, "owner", "default", propagation_policy=policy)
        await made.gone(resource, "owner")
        if policy == "Foreground":
            assert await made.items(owned) == []
        elif policy == "Background":
            await made.eventually(owned, lambda found: not found)
        else:
            left = await made.items(owned)
            assert left
            assert not dependents(left)


def owned_by(owner, **more):
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        **more,
    }


async def test_a_finalizer_keeps_an_owner_and_what_blocks_it():
    async with cluster() as made:
        owner = await made.create("configmaps", config_map("owner"))
        child = config_map("child", ownerReferences=[owned_by(owner, blockOwnerDeletion=True)])
        child["metadata"]["finalizers"] = ["example.org/keep"]
        await made.create("configmaps", child)
        await made.client.delete("configmaps", "owner", "default", propagation_policy="Foreground")
        await made.eventually(
            "configmaps",
            lambda found: any(
                o["metadata"]["name"] == "child" and o["metadata"].get("deletionTimestamp")
                for o in found
            ),
        )
        assert await made.exists("configmaps", "owner")
        await made.client.patch(
            "configmaps", "child", lambda c: c["metadata"].update(finalizers=[]), "default"
        )
        await made.gone("configmaps", "owner")


async def test_a_dependent_of_two_stays_until_both_are_gone():
    async with cluster() as made:
        one = await made.create("configmaps", config_map("one"))
        two = await made.create("configmaps", config_map("two"))
        references = [owned_by(one), owned_by(two)]
        await made.create("configmaps", config_map("child", ownerReferences=references))
        await made.client.delete("configmaps", "one", "default")
        await made.eventually(
            "configmaps",
            lambda found: any(
                [r["name"] for r in o["metadata"].get("ownerReferences", ())] == ["two"]
                for o in found
            ),
        )
        await made.client.delete("configmaps", "two", "default")
        await made.gone("configmaps", "child")


async def test_what_owns_others_can_ask_to_leave_them():
    async with cluster() as made:
        owner = await made.create("configmaps", config_map("owner"))
        middle = config_map("middle", ownerReferences=[owned_by(owner)], finalizers=["orphan"])
        middle = await made.create("configmaps", middle)
        await made.create("configmaps", config_map("leaf", ownerReferences=[owned_by(middle)]))
        await made.client.delete("configmaps", "owner", "default")
        await made.gone("configmaps", "middle")
        leaf = await made.get("configmaps", "leaf")
        assert not leaf["metadata"].get("ownerReferences")


async def test_an_owner_with_another_uid_is_no_owner():
    async with cluster() as made:
        owner = await made.create("configmaps", config_map("owner"))
        stranger = {**owned_by(owner), "uid": "00000000-0000-0000-0000-000000000000"}
        await made.create("configmaps", config_map("child", ownerReferences=[stranger]))
        await made.gone("configmaps", "child")


async def test_a_cluster_scoped_object_is_not_collected_for_a_namespaced_owner():
    async with cluster() as made:
        owner = await made.create("configmaps", config_map("owner"))
        about = {"name": "scoped", "ownerReferences": [owned_by(owner)]}
        await made.create("priorityclasses.scheduling.k8s.io", {"metadata": about, "value": 1})
        await made.client.delete("configmaps", "owner", "default")
        # Another one that goes shows that the collector has got that far.
        other = await made.create("configmaps", config_map("other"))
        await made.create("configmaps", config_map("child", ownerReferences=[owned_by(other)]))
        await made.client.delete("configmaps", "other", "default")
        async with asyncio.timeout(5):
            await made.gone("configmaps", "child")
        assert await made.exists("priorityclasses.scheduling.k8s.io", "scoped", None)
