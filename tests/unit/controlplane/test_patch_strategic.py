import copy

import pytest

from controlplane.api.patch.errors import PatchError
from controlplane.api.patch.strategic import strategic_merge
from tests.support.definitions import schema

DEPLOYMENT = schema("apps.v1.Deployment")
POD = schema("core.v1.PodSpec")
SERVICE = schema("core.v1.ServiceSpec")


def merge(target, patch, node=POD):
    before = copy.deepcopy((target, patch))
    result = strategic_merge(target, patch, node)
    assert (target, patch) == before, "arguments are not changed"
    return result


def named(*names):
    return [{"name": name} for name in names]


def test_items_merge_by_their_key_and_others_stay():
    live = {"containers": [{"name": "a", "image": "x"}, {"name": "b", "image": "y"}]}
    patch = {"containers": [{"name": "b", "image": "z", "tty": True}, {"name": "c"}]}
    assert merge(live, patch) == {
        "containers": [
            {"name": "a", "image": "x"},
            {"name": "b", "image": "z", "tty": True},
            {"name": "c"},
        ]
    }


def test_null_removes_and_unknown_lists_are_replaced():
    live = {"nodeName": "n", "tolerations": [{"key": "a"}], "hostNetwork": True}
    patch = {"nodeName": None, "tolerations": [{"key": "b"}], "restartPolicy": None}
    assert merge(live, patch) == {"tolerations": [{"key": "b"}], "hostNetwork": True}


def test_nulls_in_new_parts_are_dropped():
    assert merge({}, {"securityContext": {"runAsUser": None, "fsGroup": 1}}) == {
        "securityContext": {"fsGroup": 1}
    }


def test_delete_of_an_item_and_of_a_map():
    live = {"containers": named("a", "b"), "securityContext": {"fsGroup": 1}}
    patch = {
        "containers": [{"name": "a", "$patch": "delete"}],
        "securityContext": {"$patch": "delete"},
    }
    assert merge(live, patch) == {"containers": named("b"), "securityContext": {}}


def test_replace_of_a_list_and_of_a_map():
    live = {"containers": named("a", "b"), "securityContext": {"fsGroup": 1}}
    patch = {
        "containers": [{"name": "c"}, {"$patch": "replace"}],
        "securityContext": {"runAsUser": 2, "$patch": "replace"},
    }
    assert merge(live, patch) == {"containers": named("c"), "securityContext": {"runAsUser": 2}}


def test_retain_keys_of_a_union():
    live = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    patch = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    assert merge(live, patch, DEPLOYMENT) == {"spec": {"strategy": {"type": "Recreate"}}}


def test_retain_keys_of_a_volume():
    live = {"volumes": [{"name": "v", "emptyDir": {}}]}
    patch = {
        "volumes": [{"name": "v", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/"}}]
    }
    assert merge(live, patch) == {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}


def test_element_order_with_items_of_others_in_between():
    live = {"containers": named("a", "sidecar", "b")}
    patch = {"$setElementOrder/containers": named("b", "n", "a"), "containers": named("n")}
    assert merge(live, patch)["containers"] == named("sidecar", "b", "n", "a")


def test_element_order_alone_and_of_what_is_not_there():
    live = {"containers": named("a", "b")}
    assert merge(live, {"$setElementOrder/containers": named("b", "gone", "a")}) == {
        "containers": named("b", "a")
    }
    assert merge({}, {"$setElementOrder/volumes": named("a")}) == {}


def test_directives_in_a_part_that_is_new():
    patch = {
        "spec": {
            "$setElementOrder/containers": named("b", "a"),
            "containers": [{"name": "a", "$setElementOrder/env": named("x"), "env": named("x")}],
        }
    }
    expected = {"spec": {"containers": [{"name": "a", "env": named("x")}]}}
    assert merge({}, patch, schema("core.v1.Pod")) == expected


def test_primitive_lists_are_sets():
    pod = schema("core.v1.Pod")
    live = {"metadata": {"finalizers": ["a", "b", "c"]}}
    patch = {
        "metadata": {
            "$deleteFromPrimitiveList/finalizers": ["a"],
            "$setElementOrder/finalizers": ["d", "b"],
            "finalizers": ["d", "b"],
        }
    }
    assert merge(live, patch, pod) == {"metadata": {"finalizers": ["d", "b", "c"]}}


def test_ports_of_a_service_by_port():
    live = {"ports": [{"port": 80, "protocol": "TCP", "nodePort": 30000}]}
    patch = {"$setElementOrder/ports": [{"port": 80}], "ports": [{"port": 80, "targetPort": 8080}]}
    assert merge(live, patch, SERVICE)["ports"] == [
        {"port": 80, "protocol": "TCP", "nodePort": 30000, "targetPort": 8080}
    ]


def test_without_a_schema_lists_are_replaced():
    assert merge({"a": [1, 2], "b": {"c": 1}}, {"a": [3], "b": {"d": 2}}, None) == {
        "a": [3],
        "b": {"c": 1, "d": 2},
    }


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        ({"containers": [{"image": "x"}]}, "does not contain declared merge key: name"),
        ({"containers": ["x"]}, "does not contain declared merge key"),
        ({"$patch": "nope"}, "Unknown patch directive"),
        ({"$setElementOrder/containers": {}}, "has to be a list"),
        ({"securityContext": {"$retainKeys": "x"}}, "has to be a list"),
        ({"securityContext": {"$retainKeys": ["a"], "fsGroup": 1}}, "every field.*fsGroup"),
    ],
)
def test_malformed_directives(patch, message):
    with pytest.raises(PatchError, match=message):
        merge({"containers": named("a")}, patch)
