"""Who owns what is sorted out among those who could."""

from controlplane.controllers.claims import Claims
from controlplane.controllers.conditions import controller_of
from tests.unit.controlplane.objects import owned, replica_set
from tests.unit.controlplane.support import config_map, make_client


def selects(obj):
    return obj["metadata"]["labels"].get("app") == "web"


async def stored(*objects):
    client = await make_client()
    return client, [await client.create("configmaps", obj) for obj in objects]


async def test_orphans_that_match_are_adopted_once():
    client, candidates = await stored(
        config_map("mine", labels={"app": "web"}), config_map("other", labels={"app": "db"})
    )
    claims = Claims(client, "configmaps")
    (mine,) = await claims.claim(replica_set("rs"), candidates, selects)
    assert mine["metadata"]["name"] == "mine"
    assert controller_of(mine)["uid"] == "uid-rs"
    assert await claims.claim(replica_set("second"), candidates, selects) == []


async def test_an_orphan_can_be_not_worth_adopting():
    client, candidates = await stored(config_map("mine", labels={"app": "web"}))
    found = await Claims(client, "configmaps").claim(
        replica_set("rs"), candidates, selects, lambda _: False
    )
    assert found == []


async def test_what_no_longer_matches_is_released():
    client, candidates = await stored(owned(config_map("stray", labels={"app": "db"}), "uid-rs"))
    assert await Claims(client, "configmaps").claim(replica_set("rs"), candidates, selects) == []
    stray = await client.get("configmaps", "stray", "default")
    assert not stray["metadata"].get("ownerReferences")


async def test_an_owner_on_its_way_out_changes_nothing():
    client, candidates = await stored(
        owned(config_map("stray", labels={"app": "db"}), "uid-rs"),
        config_map("orphan", labels={"app": "web"}),
        owned(config_map("mine", labels={"app": "web"}), "uid-rs"),
    )
    ending = replica_set("rs", deletionTimestamp="2030-01-01T12:00:00Z")
    found = await Claims(client, "configmaps").claim(ending, candidates, selects)
    assert [obj["metadata"]["name"] for obj in found] == ["mine"]
    stray = await client.get("configmaps", "stray", "default")
    assert controller_of(stray)["uid"] == "uid-rs"


async def test_what_vanished_meanwhile_is_no_error():
    client, candidates = await stored(config_map("gone", labels={"app": "web"}))
    await client.delete("configmaps", "gone", "default")
    assert await Claims(client, "configmaps").claim(replica_set("rs"), candidates, selects) == []
