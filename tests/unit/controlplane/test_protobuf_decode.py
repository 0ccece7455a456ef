import pytest

from controlplane.api.errors import StatusError
from controlplane.api.protobuf.decode import MAGIC, decode_body
from controlplane.api.protobuf.descriptors import RUNTIME, kind_class, message_class


def body(api_version, kind, message, **envelope):
    unknown = message_class(f"{RUNTIME}.Unknown")(raw=message, **envelope)
    unknown.typeMeta.apiVersion = api_version
    unknown.typeMeta.kind = kind
    return MAGIC + unknown.SerializeToString()


def decode(api_version, kind, **fields):
    message = kind_class(api_version, kind)(**fields)
    return decode_body(body(api_version, kind, message.SerializeToString()))


def test_options_belong_to_every_group():
    for api_version in ("v1", "policy/v1"):
        found = decode(api_version, "DeleteOptions", gracePeriodSeconds=0, dryRun=["All"])
        assert found == {
            "apiVersion": api_version,
            "kind": "DeleteOptions",
            "gracePeriodSeconds": 0,
            "dryRun": ["All"],
        }


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        MAGIC + b"\xff\xff",
        body("v1", "Nope", b""),
        body("nope/v1", "Pod", b""),
        body("", "", b""),
        body("v1", "Pod", b"\x0a\xff"),
        body("v1", "Pod", b"", contentType="application/json"),
        body("v1", "Pod", b"", contentEncoding="gzip"),
        body("v1", "Time", b""),
    ],
)
def test_what_is_no_object(raw):
    with pytest.raises(StatusError) as raised:
        decode_body(raw)
    assert raised.value.code == 400
