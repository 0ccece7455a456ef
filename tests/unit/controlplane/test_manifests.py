"""What one node's agent has to know whole."""

import json

from controlplane.rpc.manifests import NodeManifests, config_key, references
from controlplane.store.base import Stored
from tests.unit.controlplane.objects import pod


def naming(name="p", node="n1", **names):
    made = pod(name, node)
    made["spec"]["containers"][0] |= {
        "envFrom": [{"configMapRef": {"name": names.get("env_from", "")}}],
        "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": names.get("env", "")}}},
                {"name": "B", "value": "plain"}],
    }  # fmt: skip
    made["spec"]["volumes"] = [
        {"name": "v", "configMap": {"name": names.get("volume", "")}},
        {"name": "s", "secret": {"secretName": names.get("secret", "")}},
        {"name": "p", "projected": {"sources": [{"secret": {"name": names.get("projected", "")}}]}},
        {"name": "e", "emptyDir": {}},
    ]
    return made


def stored(obj, prefix="/registry/core/pods/"):
    about = obj["metadata"]
    return Stored(f"{prefix}{about['namespace']}/{about['name']}", 1, obj)


def config(name, value="1"):
    obj = {"metadata": {"name": name, "namespace": "default"}, "data": {"k": value}}
    return stored(obj, "/registry/core/configmaps/")


class Shelf(dict):
    async def __call__(self, key):
        return self.get(key)


def shelf(*items):
    return Shelf({item.key: item for item in items})


def shown(changes):
    return [(c.object.kind, c.object.name, c.deleted) for c in changes]


def test_references():
    made = naming(env_from="a", env="b", volume="c", secret="d", projected="e")
    assert references(made) == {
        ("ConfigMap", "default", "a"),
        ("Secret", "default", "b"),
        ("ConfigMap", "default", "c"),
        ("Secret", "default", "d"),
        ("Secret", "default", "e"),
    }
    assert references(pod()) == set()
    assert config_key(("Secret", "d", "x")) == "/registry/core/secrets/d/x"


async def test_configuration_comes_before_its_pod_and_goes_with_the_last():
    state = NodeManifests("n1", shelf(config("a")))
    assert shown(await state.pod(stored(naming("p", env_from="a")), deleted=False)) == [
        ("ConfigMap", "a", False), ("Pod", "p", False),
    ]  # fmt: skip
    assert shown(await state.pod(stored(naming("q", env_from="a")), deleted=False)) == [
        ("Pod", "q", False)
    ]
    assert shown(await state.pod(stored(naming("p", env_from="a")), deleted=True)) == [
        ("Pod", "p", True)
    ]
    assert shown(await state.pod(stored(naming("q", env_from="a")), deleted=True)) == [
        ("Pod", "q", True), ("ConfigMap", "a", True),
    ]  # fmt: skip
    assert state.config("ConfigMap", config("a"), deleted=False) == []


async def test_other_nodes_pods_are_none_of_its_business():
    state = NodeManifests("n1", shelf())
    assert await state.pod(stored(naming(node="n2")), deleted=False) == []
    assert await state.pod(stored(naming(node="")), deleted=False) == []


async def test_missing_configuration_follows_when_it_is_made():
    state = NodeManifests("n1", shelf())
    assert shown(await state.pod(stored(naming(volume="late")), deleted=False)) == [
        ("Pod", "p", False)
    ]
    (change,) = state.config("ConfigMap", config("late"), deleted=False)
    assert json.loads(change.object.json)["data"] == {"k": "1"}
    assert shown(state.config("ConfigMap", config("late"), deleted=True)) == [
        ("ConfigMap", "late", True)
    ]
    assert shown(await state.configuration()) == [("ConfigMap", "late", True)]
