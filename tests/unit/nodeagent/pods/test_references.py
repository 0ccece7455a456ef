"""What pods refer to."""

import pytest

from nodeagent.pods.interfaces import PodKey, PodRef
from nodeagent.pods.references import MissingReference, References

REFERENCES = References(
    {PodKey("default", "cm"): {"data": {"a": "1"}, "binaryData": {"b": "AP8="}}},
    {
        PodKey("default", "s"): {"data": {"p": "aHVudGVyMg=="}},
        PodKey("default", "odd"): {"data": {"p": "a"}},
    },
    {PodKey("default", "web"): {"uid": "u1", "tokens": {"v/token": "signed"}}},
)


def test_data_in_bytes():
    assert REFERENCES.configmap("default", "cm") == {"a": b"1", "b": b"\x00\xff"}
    assert REFERENCES.secret("default", "s") == {"p": b"hunter2"}


def test_what_is_missing_or_broken_is_named():
    with pytest.raises(MissingReference, match='configmap "x" not found'):
        REFERENCES.configmap("default", "x")
    with pytest.raises(MissingReference, match='secret "cm" not found'):
        REFERENCES.secret("default", "cm")
    with pytest.raises(MissingReference, match="not base64"):
        REFERENCES.secret("default", "odd")


def test_a_token_is_for_one_pod_and_one_place():
    assert REFERENCES.token(PodRef("default", "web", "u1"), "v", "token") == "signed"
    assert REFERENCES.token(PodRef("default", "web", "u2"), "v", "token") is None
    assert REFERENCES.token(PodRef("default", "web", "u1"), "w", "token") is None
    assert REFERENCES.token(PodRef("default", "db", "u1"), "v", "token") is None
