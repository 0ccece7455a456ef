"""DELETE: grace, finalizers, propagation, preconditions, collections."""

import pytest

from controlplane.api import deletion
from controlplane.api.catalog import RESOURCES
from controlplane.api.errors import StatusError
from controlplane.api.selectors import parse_selection
from controlplane.api.strategy import BaseStrategy, DeleteOptions, Grace
from tests.unit.controlplane.support import Clock, config_map, make_client


class Graceful(BaseStrategy):
    def __init__(self):
        self.gone = []

    def graceful_delete(self, obj, options):
        return Grace(30 if options.grace_period_s is None else options.grace_period_s)

    async def after_delete(self, obj, ctx):
        self.gone.append(obj["metadata"]["name"])


async def exists(client, name="cm"):
    return bool((await client.list("configmaps", field_selector=f"metadata.name={name}"))[0])


async def test_without_grace_it_is_gone_at_once():
    client = await make_client()
    await client.create("configmaps", config_map())
    await client.delete("configmaps", "cm", "default")
    assert not await exists(client)
    with pytest.raises(StatusError, match='configmaps "cm" not found'):
        await client.delete("configmaps", "cm", "default")


async def test_grace_marks_then_zero_removes():
    clock, strategy = Clock(), Graceful()
    client = await make_client({("", "ConfigMap"): strategy}, clock)
    await client.create("configmaps", config_map())
    marked = await client.delete("configmaps", "cm", "default")
    assert marked["metadata"]["deletionTimestamp"] == "2030-01-01T00:00:30Z"
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 30
    clock.advance(5)
    again = await client.delete("configmaps", "cm", "default")
    assert again["metadata"] == marked["metadata"]
    sooner = await client.delete("configmaps", "cm", "default", grace_period_seconds=2)
    assert sooner["metadata"]["deletionTimestamp"] == "2030-01-01T00:00:07Z"
    assert strategy.gone == []
    await client.delete("configmaps", "cm", "default", grace_period_seconds=0)
    assert strategy.gone == ["cm"]
    assert not await exists(client)


async def test_a_grace_beyond_the_end_of_time_is_one_of_a_hundred_years():
    client = await make_client({("", "ConfigMap"): Graceful()}, Clock())
    await client.create("configmaps", config_map())
    marked = await client.delete("configmaps", "cm", "default", grace_period_seconds=10**18)
    assert marked["metadata"]["deletionTimestamp"].startswith("2129-12-")
    await client.delete("configmaps", "cm", "default", grace_period_seconds=0)
    assert not await exists(client)


async def test_a_finalizer_keeps_the_object_until_it_is_taken_off():
    client = await make_client()
    await client.create("configmaps", config_map(finalizers=["example.com/hold"]))
    marked = await client.delete("configmaps", "cm", "default")
    assert marked["metadata"]["deletionTimestamp"]
    more = marked["metadata"] | {"finalizers": ["example.com/hold", "example.com/more"]}
    with pytest.raises(StatusError, match="no new finalizers can be added"):
        await client.update("configmaps", marked | {"metadata": more})
    await client.update(
        "configmaps", marked | {"metadata": marked["metadata"] | {"finalizers": []}}
    )
    assert not await exists(client)


@pytest.mark.parametrize(
    ("policy", "finalizer"), [("Foreground", "foregroundDeletion"), ("Orphan", "orphan")]
)
async def test_propagation_is_left_to_the_garbage_collector(policy, finalizer):
    client = await make_client()
    await client.create("configmaps", config_map())
    marked = await client.delete("configmaps", "cm", "default", propagation_policy=policy)
    assert marked["metadata"]["finalizers"] == [finalizer]
    await client.delete("configmaps", "cm", "default", propagation_policy="Background")
    assert not await exists(client)


async def test_preconditions():
    client = await make_client()
    made = await client.create("configmaps", config_map())
    for condition in ({"uid": "other"}, {"resource_version": "999"}):
        with pytest.raises(StatusError, match="Precondition failed") as error:
            await client.delete("configmaps", "cm", "default", **condition)
        assert error.value.code == 409
    await client.delete("configmaps", "cm", "default", uid=made["metadata"]["uid"])


async def test_dry_run_deletes_nothing():
    client = await make_client()
    await client.create("configmaps", config_map())
    done = await deletion.delete(
        client.registry,
        RESOURCES.by_name("configmaps"),
        "default",
        "cm",
        DeleteOptions(dry_run=True),
    )
    assert done.removed
    assert await exists(client)


async def test_collections_respect_selectors():
    client = await make_client()
    for name, app in (("a", "x"), ("b", "y"), ("c", "x")):
        await client.create("configmaps", config_map(name, labels={"app": app}))
    resource = RESOURCES.by_name("configmaps")
    gone = await deletion.delete_collection(
        client.registry,
        resource,
        "default",
        parse_selection(resource, "app=x", None),
        DeleteOptions(),
    )
    assert [stored.value["metadata"]["name"] for stored in gone] == ["a", "c"]
    left, _ = await client.list("configmaps")
    assert [obj["metadata"]["name"] for obj in left] == ["b"]
