"""The write pipeline: identity, generation, status, conflicts, namespaces, dry run."""

import pytest

from controlplane.api.catalog import RESOURCES
from controlplane.api.errors import StatusError, invalid_value
from controlplane.api.registry import WriteOptions
from controlplane.api.strategy import BaseStrategy
from tests.unit.controlplane.support import config_map, deployment, make_client

DEPLOYMENTS = "deployments.apps"


@pytest.fixture
async def client():
    return await make_client()


async def test_create_sets_identity(client):
    made = await client.create("configmaps", config_map(resourceVersion="9", selfLink="/x"))
    about = made["metadata"]
    assert about["creationTimestamp"] == "2030-01-01T00:00:00Z"
    assert len(about["uid"]) == 36
    assert about["resourceVersion"] == "2"
    assert "selfLink" not in about
    assert (made["apiVersion"], made["kind"]) == ("v1", "ConfigMap")


async def test_create_twice(client):
    await client.create("configmaps", config_map())
    with pytest.raises(StatusError, match='configmaps "cm" already exists') as error:
        await client.create("configmaps", config_map())
    assert (error.value.code, error.value.reason) == (409, "AlreadyExists")


async def test_generated_names(client):
    obj = config_map()
    del obj["metadata"]["name"]
    obj["metadata"]["generateName"] = "x" * 80
    made = await client.create("configmaps", obj)
    assert len(made["metadata"]["name"]) == 63
    assert made["metadata"]["name"].startswith("x" * 58)


async def test_a_name_is_required(client):
    with pytest.raises(StatusError) as error:
        await client.create("configmaps", config_map(name=""))
    assert str(error.value) == (
        'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required'
    )


async def test_missing_namespace(client):
    with pytest.raises(StatusError, match='namespaces "nowhere" not found') as error:
        await client.create("configmaps", config_map(namespace="nowhere"))
    assert error.value.code == 404


async def test_terminating_namespace(client):
    doomed = {"metadata": {"name": "doomed"}, "spec": {"finalizers": ["kubernetes"]}}
    await client.create("namespaces", doomed)
    marked = await client.delete("namespaces", "doomed")
    assert marked["status"]["phase"] == "Terminating"
    with pytest.raises(StatusError, match="because it is being terminated") as error:
        await client.create("configmaps", config_map(namespace="doomed"))
    assert error.value.code == 403
    assert error.value.details.causes[0]["reason"] == "NamespaceTerminating"


async def test_finalize_removes_the_namespace(client):
    doomed = {"metadata": {"name": "doomed"}, "spec": {"finalizers": ["kubernetes"]}}
    await client.create("namespaces", doomed)
    marked = await client.delete("namespaces", "doomed")
    await client.update("namespaces", marked | {"spec": {}}, subresource="finalize")
    with pytest.raises(StatusError, match='namespaces "doomed" not found'):
        await client.get("namespaces", "doomed")


async def test_generation_counts_the_changes_of_the_spec(client):
    made = await client.create(DEPLOYMENTS, deployment())
    assert made["metadata"]["generation"] == 1

    def scale(obj):
        obj["spec"]["replicas"] = 3

    def label(obj):
        obj["metadata"]["labels"] = {"x": "y"}

    assert (await client.patch(DEPLOYMENTS, "web", scale, "default"))["metadata"]["generation"] == 2
    assert (await client.patch(DEPLOYMENTS, "web", label, "default"))["metadata"]["generation"] == 2
    status = await client.get(DEPLOYMENTS, "web", "default") | {"status": {"replicas": 3}}
    after = await client.update_status(DEPLOYMENTS, status)
    assert after["metadata"]["generation"] == 2
    assert after["status"] == {"replicas": 3}


async def test_status_and_spec_are_written_apart(client):
    made = await client.create(DEPLOYMENTS, deployment())
    both = made | {"spec": made["spec"] | {"replicas": 9}, "status": {"replicas": 5}}
    by_status = await client.update_status(DEPLOYMENTS, both)
    assert (by_status["spec"]["replicas"], by_status["status"]) == (1, {"replicas": 5})
    both["metadata"] = by_status["metadata"]
    both["status"] = {"replicas": 7}
    by_spec = await client.update(DEPLOYMENTS, both)
    assert (by_spec["spec"]["replicas"], by_spec["status"]) == (9, {"replicas": 5})


async def test_stale_update_conflicts(client):
    made = await client.create("configmaps", config_map())
    await client.update("configmaps", made | {"data": {"a": "1"}})
    with pytest.raises(StatusError, match="the object has been modified") as error:
        await client.update("configmaps", made | {"data": {"a": "2"}})
    assert error.value.reason == "Conflict"


async def test_update_without_a_version_is_unconditional(client):
    await client.create("configmaps", config_map())
    changed = await client.update("configmaps", config_map() | {"data": {"a": "2"}})
    assert changed["data"] == {"a": "2"}


async def test_an_update_that_changes_nothing_takes_no_revision(client):
    made = await client.create("configmaps", config_map())
    same = await client.update("configmaps", config_map())
    assert same["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


async def test_identity_cannot_be_changed(client):
    made = await client.create("configmaps", config_map())
    edited = config_map(creationTimestamp="1970-01-01T00:00:00Z", deletionTimestamp="x")
    after = await client.update("configmaps", edited | {"data": {}})
    assert after["metadata"]["creationTimestamp"] == made["metadata"]["creationTimestamp"]
    assert "deletionTimestamp" not in after["metadata"]


async def test_another_uid_is_refused(client):
    made = await client.create("configmaps", config_map())
    other = made["metadata"] | {"uid": "other"}
    with pytest.raises(StatusError, match="UID in precondition: other"):
        await client.update("configmaps", made | {"metadata": other})


async def test_a_lost_race_is_tried_again(client):
    await client.create("configmaps", config_map())
    store = client.registry.store
    swap, raced = store.update, []

    async def race(key, value, expected):
        if not raced:
            raced.append(True)
            await swap(key, value | {"data": {"other": "writer"}}, None)
        return await swap(key, value, expected)

    store.update = race

    def add(obj):
        obj["data"]["mine"] = "too"

    after = await client.patch("configmaps", "cm", add, "default")
    assert after["data"] == {"other": "writer", "mine": "too"}


async def test_dry_run_stores_nothing(client):
    registry, resource = client.registry, RESOURCES.by_name("configmaps")
    revision = registry.store.revision()
    stored = await registry.create(resource, "default", config_map(), WriteOptions(dry_run=True))
    assert stored.value["metadata"]["uid"]
    assert registry.store.revision() == revision


class Picky(BaseStrategy):
    serialize_writes = True

    def default(self, obj):
        obj.setdefault("data", {}).setdefault("n", "0")

    async def prepare_create(self, obj, ctx):
        taken, _ = await ctx.reader.list("configmaps")
        obj["data"]["n"] = str(len(taken))

    def validate(self, obj, old):
        if old is not None and old["data"]["n"] != obj["data"]["n"]:
            return [invalid_value("data.n", obj["data"]["n"], "field is immutable")]
        return []


async def test_strategies_default_allocate_and_validate():
    client = await make_client({("", "ConfigMap"): Picky()})
    first = await client.create("configmaps", config_map("a"))
    second = await client.create("configmaps", config_map("b"))
    assert (first["data"]["n"], second["data"]["n"]) == ("0", "1")
    with pytest.raises(StatusError) as error:
        await client.update("configmaps", first | {"data": {"n": "7"}})
    assert str(error.value) == (
        'ConfigMap "a" is invalid: data.n: Invalid value: "7": field is immutable'
    )
    assert error.value.to_status()["details"] == {
        "name": "a",
        "kind": "ConfigMap",
        "causes": [
            {
                "reason": "FieldValueInvalid",
                "message": 'Invalid value: "7": field is immutable',
                "field": "data.n",
            }
        ],
    }
