"""Paths, parameters and Accept headers."""

import pytest

from controlplane.api.errors import StatusError
from controlplane.api.http.body import MAX_BODY_BYTES, decode
from controlplane.api.http.negotiate import negotiate, wants_aggregated_discovery
from controlplane.api.http.parameters import boolean, delete_options, write_parameters
from controlplane.api.http.request_info import parse_path


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/api/v1/pods", ("list", "", "v1", "pods", None, None, "")),
        ("GET", "/api/v1/namespaces/d/pods/p", ("get", "", "v1", "pods", "d", "p", "")),
        ("GET", "/api/v1/namespaces/d/pods/p/log", ("get", "", "v1", "pods", "d", "p", "log")),
        ("GET", "/api/v1/namespaces", ("list", "", "v1", "namespaces", None, None, "")),
        ("GET", "/api/v1/namespaces/d", ("get", "", "v1", "namespaces", None, "d", "")),
        ("PUT", "/api/v1/namespaces/d/finalize",
         ("update", "", "v1", "namespaces", None, "d", "finalize")),
        ("DELETE", "/apis/apps/v1/namespaces/d/deployments",
         ("deletecollection", "apps", "v1", "deployments", "d", None, "")),
        ("PATCH", "/api/v1/nodes/n/status", ("patch", "", "v1", "nodes", None, "n", "status")),
        ("POST", "/apis/apps/v1/namespaces/d/deployments",
         ("create", "apps", "v1", "deployments", "d", None, "")),
        ("GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles/a%2Fb",
         ("get", "rbac.authorization.k8s.io", "v1", "clusterroles", None, "a/b", "")),
    ],
)  # fmt: skip
def test_resource_paths(method, path, expected):
    info = parse_path(method, path)
    found = (info.verb, info.group, info.version, info.resource, info.namespace, info.name)
    assert (*found, info.subresource) == expected


def test_what_follows_a_proxy():
    info = parse_path("GET", "/api/v1/namespaces/d/services/http:web:80/proxy/a/b")
    assert (info.name, info.subresource, info.path_below) == ("http:web:80", "proxy", "a/b")


@pytest.mark.parametrize(
    "path", ["/", "/api", "/api/v1", "/apis/apps", "/apis/apps/v1", "/version"]
)
def test_other_paths(path):
    assert parse_path("GET", path) is None


@pytest.mark.parametrize(
    ("value", "expected"), [("True", True), ("1", True), ("f", False), ("", False)]
)
def test_booleans_are_gos(value, expected):
    assert boolean({"watch": value}, "watch") is expected


def test_other_words_are_no_booleans():
    with pytest.raises(StatusError, match='parsing "yes": invalid syntax'):
        boolean({"watch": "yes"}, "watch")


def test_the_field_manager_is_the_client_by_default():
    assert write_parameters({}, "kubectl/v1.33 (linux)").field_manager == "kubectl"
    assert write_parameters({"fieldManager": "me"}, "kubectl/v1.33").field_manager == "me"
    with pytest.raises(StatusError, match="fieldManager: Too long"):
        write_parameters({"fieldManager": "x" * 129}, "")


def test_delete_options_of_the_body_win():
    body = {
        "gracePeriodSeconds": 0,
        "propagationPolicy": "Foreground",
        "dryRun": ["All"],
        "preconditions": {"uid": "u"},
    }
    options = delete_options({"gracePeriodSeconds": "9", "propagationPolicy": "Orphan"}, body)
    assert (options.grace_period_s, options.propagation_policy) == (0, "Foreground")
    assert (options.dry_run, options.uid) == (True, "u")


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ({"gracePeriodSeconds": "soon"}, {}),
        ({"gracePeriodSeconds": "9" * 5000}, {}),
        ({"gracePeriodSeconds": str(2**63)}, {}),
        ({"gracePeriodSeconds": "\u0663"}, {}),
        ({}, {"propagationPolicy": "Sideways"}),
        ({}, {"dryRun": ["Some"]}),
    ],
)
def test_wrong_delete_options(query, body):
    with pytest.raises(StatusError):
        delete_options(query, body)


@pytest.mark.parametrize(
    ("accept", "form", "media_type"),
    [
        ("", "object", "application/json"),
        ("*/*", "object", "application/json"),
        ("application/vnd.kubernetes.protobuf,application/json", "object", "application/json"),
        ("application/yaml", "object", "application/yaml"),
        ("application/json;as=Table;v=v1;g=meta.k8s.io,application/json", "table",
         "application/json"),
        ("application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json", "object",
         "application/json"),
        ("application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io", "partial",
         "application/json"),
    ],
)  # fmt: skip
def test_accept(accept, form, media_type):
    found = negotiate(accept)
    assert (found.form, found.media_type) == (form, media_type)


def test_discovery_is_legacy_unless_v2_is_preferred():
    v2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    v2beta1 = v2.replace("v=v2", "v=v2beta1")
    assert wants_aggregated_discovery(f"{v2},{v2beta1},application/json")
    assert not wants_aggregated_discovery(f"{v2beta1},application/json")
    assert not wants_aggregated_discovery(f"application/json,{v2}")


def test_duplicate_fields_are_named_with_their_paths():
    raw = b'{"a":{"b":[{"c":1,"c":2}]},"d":1,"d":2}'
    assert decode(raw, "application/json").duplicates == ("a.b[0].c", "d")


def test_no_content_type_is_json():
    assert decode(b'{"a":1}', "").obj == {"a": 1}
    assert MAX_BODY_BYTES == 3145728
