"""Any bytes are an object or a 400."""

import contextlib
import json

from hypothesis import given
from hypothesis import strategies as st

from controlplane.api.errors import StatusError
from controlplane.api.protobuf.decode import MAGIC, decode_body
from controlplane.api.protobuf.descriptors import RUNTIME, message_class

KINDS = st.sampled_from(
    [("v1", "Pod"), ("v1", "Event"), ("apps/v1", "Deployment"), ("v1", "DeleteOptions"),
     ("v1", "Time"), ("networking.k8s.io/v1", "Ingress")]
)  # fmt: skip


def decodes_or_refuses(raw):
    with contextlib.suppress(StatusError):
        json.dumps(decode_body(raw))


@given(st.binary())
def test_any_bytes(raw):
    decodes_or_refuses(raw)
    decodes_or_refuses(MAGIC + raw)


@given(KINDS, st.binary(max_size=64))
def test_any_message_in_an_envelope(kind, raw):
    unknown = message_class(f"{RUNTIME}.Unknown")(raw=raw)
    unknown.typeMeta.apiVersion, unknown.typeMeta.kind = kind
    decodes_or_refuses(MAGIC + unknown.SerializeToString())
