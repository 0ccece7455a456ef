"""Bodies that kubectl 1.33 sent (1.32 sends the same bytes), and the objects they mean."""

import json
from pathlib import Path

import pytest

from controlplane.api.protobuf.decode import decode_body

CASES = sorted(Path(__file__).with_name("protobuf").glob("*.hex"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_what_kubectl_sent(path):
    expected = json.loads(path.with_suffix(".json").read_text())
    assert decode_body(bytes.fromhex(path.read_text())) == expected


def test_there_are_cases():
    assert len(CASES) >= 10
