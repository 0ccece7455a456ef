"""Names, labels, annotations, owners."""

import pytest

from controlplane.api.catalog import RESOURCES
from controlplane.api.metadata import drop_empty, generated_name, validate_metadata


def errors(resource="configmaps", old=None, **metadata):
    obj = {"metadata": {"name": "x", **metadata}}
    found = validate_metadata(obj, old, RESOURCES.by_name(resource))
    return [f"{error.path}: {error.message}" for error in found]


def test_what_is_empty_is_left_out():
    obj = {"metadata": {"name": "x", "annotations": {}, "finalizers": [], "labels": {"a": ""}}}
    drop_empty(obj)
    assert obj == {"metadata": {"name": "x", "labels": {"a": ""}}}


@pytest.mark.parametrize(
    ("resource", "name"),
    [
        ("configmaps", "a.b-c.1"),
        ("services", "web-1"),
        ("namespaces", "1st"),
        ("roles.rbac.authorization.k8s.io", "system:Any Thing"),
        ("pods", "a" * 253),
    ],
)
def test_good_names(resource, name):
    assert errors(resource, name=name) == []


@pytest.mark.parametrize(
    ("resource", "name", "message"),
    [
        ("configmaps", "Upper", "RFC 1123 subdomain"),
        ("configmaps", "-x", "RFC 1123 subdomain"),
        ("configmaps", "a..b", "RFC 1123 subdomain"),
        ("configmaps", "x\n", "RFC 1123 subdomain"),
        ("configmaps", "a" * 254, "no more than 253 characters"),
        ("services", "1web", "DNS-1035 label"),
        ("namespaces", "a.b", "RFC 1123 label"),
        ("namespaces", "a" * 64, "no more than 63 characters"),
        ("roles.rbac.authorization.k8s.io", "a/b", "may not contain"),
    ],
)
def test_bad_names(resource, name, message):
    (error,) = errors(resource, name=name)
    assert message in error


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"a b": "x"}, "name part must consist of"),
        ({"/a": "x"}, "prefix part must be non-empty"),
        ({"Bad_/a": "x"}, "prefix part a lowercase"),
        ({"a": "x y"}, "a valid label must be"),
        ({"a": "x" * 64}, "no more than 63 characters"),
        ({"a" * 64: "x"}, "no more than 63 characters"),
        ({"a/": "x"}, "name part must be non-empty"),
    ],
)
def test_bad_labels(labels, message):
    (error,) = errors(labels=labels)
    assert error.startswith("metadata.labels: Invalid value: ")
    assert message in error


def test_annotations_are_bounded():
    assert errors(annotations={"example.com/Any": "free text"}) == []
    (error,) = errors(annotations={"a": "x" * 262144})
    assert error == "metadata.annotations: Too long: may not be more than 262144 bytes"


def test_owners_have_to_be_complete_and_one_controls():
    owner = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u", "controller": True}
    assert errors(ownerReferences=[owner]) == []
    (error,) = errors(ownerReferences=[owner, owner | {"uid": "v"}])
    assert "Only one reference can have Controller set to true" in error
    (error,) = errors(ownerReferences=[owner | {"uid": ""}])
    assert error == 'metadata.ownerReferences[0].uid: Invalid value: "": must not be empty'


def test_generated_names_fit_a_label():
    assert len(generated_name("x" * 100)) == 63
    assert generated_name("web-") != generated_name("web-")
