import pytest

from controlplane.api.protobuf.convert import (
    EMPTY_MEANS_EMPTY,
    FALSE_MEANS_FALSE,
    INLINED,
    RENAMED,
    ZERO_MEANS_ZERO,
    to_object,
)
from controlplane.api.protobuf.descriptors import META, _pool, message_class
from tests.support.definitions import definitions


def core(kind, **fields):
    return to_object(message_class(f"k8s.io.api.core.v1.{kind}")(**fields))


def test_zero_values_of_fields_that_are_no_pointers_are_absent():
    assert core("ServicePort", name="", port=80, nodePort=0) == {"port": 80}
    assert core("PodSpec", hostNetwork=False, restartPolicy="") == {}


def test_zero_values_of_pointers_are_kept():
    spec = core("PodSpec", terminationGracePeriodSeconds=0, enableServiceLinks=False)
    assert spec == {"terminationGracePeriodSeconds": 0, "enableServiceLinks": False}
    assert core("PersistentVolumeClaimSpec", storageClassName="") == {"storageClassName": ""}


def test_embedded_structs_are_inlined():
    volume = core("Volume", name="v", volumeSource={"emptyDir": {}})
    assert volume == {"name": "v", "emptyDir": {}}
    probe = core("Probe", handler={"tcpSocket": {"port": {"type": 0, "intVal": 80}}})
    assert probe == {"tcpSocket": {"port": 80}}


def test_special_types():
    assert core("EnvVar", name="a", value="") == {"name": "a"}
    assert core("ConfigMap", data={"a": ""}, binaryData={"b": b"\0"}) == {
        "data": {"a": ""},
        "binaryData": {"b": "AA=="},
    }
    assert core("ResourceRequirements", limits={"cpu": {"string": "1"}, "memory": {}}) == {
        "limits": {"cpu": "1", "memory": "0"}
    }
    meta = message_class(f"{META}.ObjectMeta")
    assert to_object(meta(creationTimestamp={})) == {}
    assert to_object(meta(creationTimestamp={"seconds": 1})) == {
        "creationTimestamp": "1970-01-01T00:00:01Z"
    }
    fields = message_class(f"{META}.ManagedFieldsEntry")(fieldsV1={"Raw": b'{"f:a":{}}'})
    assert to_object(fields) == {"fieldsV1": {"f:a": {}}}
    micro = message_class(f"{META}.MicroTime")(seconds=1, nanos=5000)
    assert to_object(micro) == "1970-01-01T00:00:01.000005Z"
    duration = message_class(f"{META}.Duration")(duration=1_500_000_000)
    assert to_object(duration) == "1.5s"


def test_times_out_of_range_and_broken_json_are_errors():
    with pytest.raises(ValueError, match="out of range"):
        to_object(message_class(f"{META}.Time")(seconds=1 << 60))
    with pytest.raises(ValueError, match="deeply"):
        to_object(message_class(f"{META}.FieldsV1")(Raw=b"[" * 100_000))


def _fields():
    """Every message field whose message the published schema also describes."""
    pool = _pool()
    for name, schema in definitions().items():
        if "properties" not in schema:
            continue
        try:
            message = pool.FindMessageTypeByName("k8s.io." + name.removeprefix("io.k8s."))
        except KeyError:
            continue
        for field in message.fields:
            yield f"{message.name}.{field.name}", field, schema["properties"]


def test_the_tables_name_every_difference_between_protobuf_and_json():
    checked = 0
    for qualified, field, properties in _fields():
        checked += 1
        known = RENAMED.get(qualified, field.name) in properties
        assert known or qualified in INLINED, qualified
    assert checked > 1500


def test_the_tables_name_fields_that_exist():
    found = {field.name for _, field, _ in _fields()}
    assert found >= ZERO_MEANS_ZERO | FALSE_MEANS_FALSE | EMPTY_MEANS_EMPTY
    assert {qualified for qualified, _, _ in _fields()} >= INLINED | RENAMED.keys()
