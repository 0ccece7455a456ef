"""What is wrong with volumes."""

import pytest

from controlplane.api.strategies.volume_validation import validate_volume


def texts(volume):
    return [f"{error.path}: {error.message}" for error in validate_volume(volume, "v")]


def keyed(**item):
    return {"configMap": {"name": "cm", "items": [item]}}


def downward(**item):
    return {"downwardAPI": {"items": [{"path": "p", **item}]}}


def projected(**source):
    return {"projected": {"sources": [source]}}


def token(**fields):
    return projected(serviceAccountToken={"path": "token", **fields})


@pytest.mark.parametrize(
    ("volume", "expected"),
    [
        ({"emptyDir": {}}, None),
        ({"configMap": {"name": "cm", "defaultMode": 0o777}}, None),
        ({"nfs": {}}, None),
        ({}, "v: Required value: must specify a volume type"),
        (
            {"emptyDir": {}, "hostPath": {"path": "/"}},
            "v.hostPath: Forbidden: may not specify more than 1 volume type",
        ),
        ({"configMap": {}}, "v.configMap.name: Required value"),
        ({"secret": {}}, "v.secret.secretName: Required value"),
        ({"hostPath": {}}, "v.hostPath.path: Required value"),
        ({"persistentVolumeClaim": {}}, "v.persistentVolumeClaim.claimName: Required value"),
        (
            {"configMap": {"name": "cm", "defaultMode": 0o1000}},
            "v.configMap.defaultMode: Invalid value: 512: must be a number between 0 and 0777 "
            "(octal), both inclusive",
        ),
        (keyed(key="a", path="b"), None),
        (keyed(path="b"), "v.configMap.items[0].key: Required value"),
        (keyed(key="a"), "v.configMap.items[0].path: Required value"),
        (
            keyed(key="a", path="/b"),
            'v.configMap.items[0].path: Invalid value: "/b": must be a relative path',
        ),
        (
            keyed(key="a", path="x/../b"),
            "v.configMap.items[0].path: Invalid value: \"x/../b\": must not contain '..'",
        ),
        (
            keyed(key="a", path="..b"),
            "v.configMap.items[0].path: Invalid value: \"..b\": must not start with '..'",
        ),
        (downward(fieldRef={"fieldPath": "metadata.labels['a']"}), None),
        (
            downward(fieldRef={"fieldPath": "status.podIP"}),
            'v.downwardAPI.items[0].fieldRef.fieldPath: Invalid value: "status.podIP": error '
            "converting fieldPath: field label not supported: status.podIP",
        ),
        (
            downward(resourceFieldRef={"containerName": "c"}),
            "v.downwardAPI.items[0].resourceFieldRef.resource: Required value",
        ),
        (
            downward(),
            "v.downwardAPI.items[0]: Required value: one of fieldRef and resourceFieldRef is "
            "required",
        ),
        (
            downward(fieldRef={"fieldPath": "x"}, resourceFieldRef={"resource": "x"}),
            'v.downwardAPI.items[0]: Invalid value: "resource": fieldRef and resourceFieldRef can '
            "not be specified simultaneously",
        ),
        (projected(secret={"name": "s"}), None),
        (projected(secret={}), "v.projected.sources[0].secret.name: Required value"),
        (projected(), "v.projected.sources[0]: Required value"),
        (
            projected(secret={"name": "s"}, configMap={"name": "c"}),
            "v.projected.sources[0].secret: Forbidden: may not specify more than 1 volume type",
        ),
        (
            projected(downwardAPI={"items": [{"path": "p"}]}),
            "v.projected.sources[0].downwardAPI.items[0]: Required value: one of fieldRef and "
            "resourceFieldRef is required",
        ),
        (token(expirationSeconds=600), None),
        (
            token(expirationSeconds=599),
            "v.projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 599: may "
            "not specify a duration less than 10 minutes",
        ),
        (
            token(expirationSeconds=2**33),
            "v.projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: "
            "8589934592: may not specify a duration larger than 2^32 seconds",
        ),
        (token(path=""), "v.projected.sources[0].serviceAccountToken.path: Required value"),
    ],
)
def test_rules(volume, expected):
    assert texts({"name": "x", **volume}) == ([expected] if expected else [])
