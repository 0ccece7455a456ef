import pytest

from controlplane.api.patch.paths import (
    from_fields_v1,
    key_element,
    show,
    to_fields_v1,
    with_ancestors,
)

# As `kubectl create deployment` is recorded by a real API server (shortened).
FIELDS = {
    "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
    "f:spec": {
        "f:replicas": {},
        "f:template": {
            "f:spec": {
                "f:containers": {
                    'k:{"name":"web"}': {
                        ".": {},
                        "f:image": {},
                        "f:ports": {
                            ".": {},
                            'k:{"containerPort":80,"protocol":"TCP"}': {
                                ".": {},
                                "f:containerPort": {},
                            },
                        },
                    }
                }
            }
        },
    },
}


def test_a_real_trie_survives():
    paths = from_fields_v1(FIELDS)
    assert ("f:metadata", "f:labels") in paths
    assert ("f:spec", "f:template") not in paths
    assert to_fields_v1(paths) == FIELDS


def test_how_paths_are_shown():
    path = ("f:spec", "f:containers", key_element({"name": "web", "a": 1}), "f:image")
    assert show(path) == '.spec.containers[a=1,name="web"].image'
    assert show(("f:metadata", "f:finalizers", 'v:"x"')) == '.metadata.finalizers[="x"]'
    assert show(("k:broken",)) == "[broken]"


def test_ancestors():
    assert with_ancestors([("a", "b", "c")]) == {("a",), ("a", "b"), ("a", "b", "c")}


@pytest.mark.parametrize("fields", [[], {"f:a": 1}, {"a": {}}, {"f:a": {"": {}}}])
def test_what_is_no_trie(fields):
    with pytest.raises(ValueError, match=r"FieldsV1|path element"):
        from_fields_v1(fields)
