"""The generated modules are those of the .proto files."""

from pathlib import Path

import pytest
from grpc_tools import protoc

_ROOT = Path(__file__).parents[3]
_FILES = sorted(path.name for path in (_ROOT / "protos" / "v1").glob("*.proto"))


@pytest.mark.parametrize("name", _FILES)
def test_generated_modules_are_current(name, tmp_path):
    """`make protos` was run after the last change."""
    code = protoc.main(
        [
            "protoc",
            f"-Iprotos/gen={_ROOT / 'protos'}",
            f"--python_out={tmp_path}",
            f"--grpc_python_out={tmp_path}",
            f"protos/gen/v1/{name}",
        ]
    )
    assert code == 0
    made = sorted((tmp_path / "protos" / "gen" / "v1").iterdir())
    assert made
    for path in made:
        kept = _ROOT / "protos" / "gen" / "v1" / path.name
        assert _definitions(kept) == _definitions(path), f"{path.name}: run `make protos`"


def _definitions(path):
    """The file without what names the generator's own version."""
    return [line for line in path.read_text().splitlines() if "VERSION" not in line.upper()]
