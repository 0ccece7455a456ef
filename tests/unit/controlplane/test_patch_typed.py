import pytest

from controlplane.api.patch.errors import PatchError
from controlplane.api.patch.paths import from_fields_v1, to_fields_v1
from controlplane.api.patch.typed import check, compare, field_paths, merge, remove
from tests.support.definitions import schema

POD = schema("core.v1.Pod")
SERVICE = schema("core.v1.Service")


def pod(**spec):
    return {"metadata": {"labels": {"app": "x"}}, "spec": spec}


def test_field_set_of_an_applied_object():
    obj = pod(
        containers=[{"name": "a", "args": ["x"], "ports": [{"containerPort": 80}]}],
        securityContext={},
        nodeSelector={"zone": "z"},
    )
    assert to_fields_v1(field_paths(obj, POD)) == {
        "f:metadata": {"f:labels": {"f:app": {}}},
        "f:spec": {
            "f:containers": {
                'k:{"name":"a"}': {
                    ".": {},
                    "f:args": {},
                    "f:name": {},
                    "f:ports": {
                        'k:{"containerPort":80,"protocol":"TCP"}': {
                            ".": {},
                            "f:containerPort": {},
                        }
                    },
                }
            },
            "f:nodeSelector": {},
            "f:securityContext": {},
        },
    }


def test_compare_takes_containers_as_added():
    changes = compare({}, pod(containers=[{"name": "a"}]), POD)
    assert ("f:metadata", "f:labels") in changes.added
    assert ("f:spec", "f:containers") not in changes.added, "always there"
    assert ("f:spec",) not in changes.added
    assert not changes.modified | changes.removed


def test_compare_finds_changed_leaves_only():
    old = pod(containers=[{"name": "a", "image": "x"}, {"name": "b", "tty": True}])
    new = pod(containers=[{"name": "b", "tty": True}, {"name": "a", "image": "y"}])
    changes = compare(old, new, POD)
    assert [path[-1] for path in changes.modified] == ["f:image"]
    assert not changes.added | changes.removed
    assert compare(old, old, POD).same
    assert not compare({"spec": {"a": 1}}, {"spec": {"a": True}}, None).same


def test_merge_by_keys_sets_and_atomics():
    live = {
        "metadata": {"finalizers": ["a", "b"], "labels": {"x": "1"}},
        "spec": {
            "containers": [{"name": "a", "args": ["1"], "image": "i"}, {"name": "side"}],
            "nodeSelector": {"p": "q"},
        },
    }
    applied = {
        "metadata": {"finalizers": ["c"], "labels": {"y": "2"}},
        "spec": {"containers": [{"name": "a", "args": ["2"]}], "nodeSelector": {"r": "s"}},
    }
    result = merge(live, applied, POD)
    assert set(result["metadata"]["finalizers"]) == {"a", "b", "c"}
    assert result["metadata"]["labels"] == {"x": "1", "y": "2"}
    assert result["spec"] == {
        "containers": [{"name": "a", "args": ["2"], "image": "i"}, {"name": "side"}],
        "nodeSelector": {"r": "s"},
    }


def test_ports_are_the_same_with_a_defaulted_protocol():
    live = {"spec": {"ports": [{"port": 80, "protocol": "TCP", "nodePort": 30000}]}}
    applied = {"spec": {"ports": [{"port": 80, "targetPort": 8080}]}}
    assert merge(live, applied, SERVICE)["spec"]["ports"] == [
        {"port": 80, "protocol": "TCP", "nodePort": 30000, "targetPort": 8080}
    ]


def test_remove():
    obj = pod(containers=[{"name": "a", "image": "i", "tty": True}, {"name": "b"}], nodeName="n")
    gone = from_fields_v1(
        {
            "f:spec": {
                "f:nodeName": {},
                "f:containers": {'k:{"name":"a"}': {"f:tty": {}}, 'k:{"name":"b"}': {}},
            }
        }
    )
    assert remove(obj, gone, POD) == pod(containers=[{"name": "a", "image": "i"}])


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"nope": 1}, r"^\.spec\.nope: field not declared in schema$"),
        ({"containers": [{"image": "x"}]}, r"^\.spec\.containers: element 0: .*key field \"name\""),
        ({"containers": [{"name": "a"}] * 2}, r'duplicate entries for key \[name="a"\]$'),
        ({"containers": [{"name": "a", "x": 1}]}, r'^\.spec\.containers\[name="a"\]\.x: field'),
    ],
)
def test_check(spec, message):
    with pytest.raises(PatchError, match=message):
        check(pod(**spec), POD)


def test_check_passes_what_is_known():
    check(pod(containers=[{"name": "a", "args": ["x", "x"]}], tolerations=[{}, {}]), POD)
