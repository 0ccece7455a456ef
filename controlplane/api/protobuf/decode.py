"""Bodies of type `application/vnd.kubernetes.protobuf`.

Source: k8s.io/apimachinery pkg/runtime/serializer/protobuf: four magic bytes, then a
runtime.Unknown that names the kind and carries its message.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.message import DecodeError

from controlplane.api.errors import bad_request
from controlplane.api.protobuf.convert import to_object
from controlplane.api.protobuf.descriptors import RUNTIME, kind_class, message_class

MAGIC = b"k8s\x00"


def decode_body(body: bytes) -> dict[str, Any]:
    """The object in the body, as its JSON form would give it, with apiVersion and kind.

    Raises StatusError 400, and nothing else, for every body that is none.
    """
    if not body.startswith(MAGIC):
        raise bad_request("provided data does not appear to be a protobuf message")
    try:
        envelope = _parse(f"{RUNTIME}.Unknown", body[len(MAGIC) :])
        if envelope.contentEncoding or envelope.contentType:
            raise bad_request(
                f"the protobuf envelope holds {envelope.contentType or 'encoded data'} "
                "instead of protobuf"
            )
        api_version, kind = envelope.typeMeta.apiVersion, envelope.typeMeta.kind
        wanted = kind_class(api_version, kind)
        if wanted is None:
            raise bad_request(f'no kind "{kind}" is registered for version "{api_version}"')
        fields = to_object(wanted.FromString(envelope.raw))
    except (DecodeError, ValueError, RecursionError) as error:
        raise bad_request(f"the protobuf body cannot be decoded: {error}") from error
    if not isinstance(fields, dict):
        raise bad_request(f'"{kind}" is not an object')
    return {"apiVersion": api_version, "kind": kind, **fields}


def _parse(name: str, data: bytes) -> Any:
    wanted = message_class(name)
    assert wanted is not None, name
    return wanted.FromString(data)
